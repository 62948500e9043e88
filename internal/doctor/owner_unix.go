//go:build unix

package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// me is this user, and whether it may do everything.
func me() (uid int, root bool) { return os.Geteuid(), os.Geteuid() == 0 }

// mayWrite reports whether files can be created in a directory, without trying it.
func mayWrite(dir string) (writes, known bool) {
	return unix.Access(dir, unix.W_OK|unix.X_OK) == nil, true
}
