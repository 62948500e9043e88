//go:build !windows

package osfile

import "os"

// ReplaceShared is Rename to a file that others may be reading, if they opened it with OpenShared.
// The place aside is needed on Windows only.
func ReplaceShared(from, to string, _ func() (string, error)) error { return os.Rename(from, to) }

func rename(from, to string) error { return os.Rename(from, to) }
