//go:build !unix

package osfile

import "io/fs"

// Owner tells nothing: files have access lists here.
func Owner(fs.FileInfo) (uid int, known bool) { return 0, false }

// UserName is "": users have no numbers here.
func UserName(int) string { return "" }
