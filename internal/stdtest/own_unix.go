//go:build unix

package stdtest

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn reports whether only this user can write to a directory.
func isOwn(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
