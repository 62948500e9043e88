//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownerOf returns the user of a file; known is false if the system does not tell.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	st, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix {
		return 0, false
	}
	return int(st.Uid), true
}

// me is this user, and whether it may do everything.
func me() (uid int, root bool) { return os.Geteuid(), os.Geteuid() == 0 }

// userName is a user for people.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}

// mayWrite reports whether files can be created in a directory, without trying it.
func mayWrite(dir string) (writes, known bool) {
	return unix.Access(dir, unix.W_OK|unix.X_OK) == nil, true
}
