//go:build !darwin

package dir

import "os"

func syncFile(f *os.File) error { return f.Sync() }
