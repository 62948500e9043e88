//go:build !windows

package dir

import "os"

func rename(from, to string) error { return os.Rename(from, to) }
