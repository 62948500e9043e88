//go:build unix

package osfile

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// Owner returns the user that a file belongs to; known is false if the system does not tell.
func Owner(info fs.FileInfo) (uid int, known bool) {
	st, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix {
		return 0, false
	}
	return int(st.Uid), true
}

// UserName is a user for people.
func UserName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}
