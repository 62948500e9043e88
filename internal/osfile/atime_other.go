//go:build !linux && !darwin

package osfile

import (
	"io/fs"
	"os"
)

// AccessTime reports false: Windows has such a time, but does not update it by default.
func AccessTime(fs.FileInfo) (int64, bool) { return 0, false }

// RecordsReads reports false, see AccessTime.
func RecordsReads(string) bool { return false }

// OpenQuietly opens a file for reading. Only Linux can avoid recording that as a read.
func OpenQuietly(path string) (*os.File, error) { return os.Open(path) }

// HidesReads reports false: only Linux can hide reads.
func HidesReads(string) bool { return false }
