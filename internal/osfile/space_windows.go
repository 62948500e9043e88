package osfile

import (
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// clusterSize is what NTFS gives a file at least, unless it was formatted otherwise.
const clusterSize = 4 << 10

// Space describes the volume of a directory. It is one with several letters, too.
func Space(dir string) (Volume, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Volume{}, &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	var mine, all, left uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &all, &left); err != nil {
		return Volume{}, &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return Volume{
		Total: capacity(all, 1), Free: capacity(mine, 1), Block: clusterSize,
		ID: strings.ToUpper(filepath.VolumeName(dir)),
	}, nil
}
