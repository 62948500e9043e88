//go:build !windows

package osfile

import "os"

// ReplaceShared does what Rename does, if readers of the target have opened it with OpenShared.
// aside is for Windows only.
func ReplaceShared(from, to string, _ func() (string, error)) error { return os.Rename(from, to) }

func rename(from, to string) error { return os.Rename(from, to) }
