package osfile

import (
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// Space returns how many bytes the volume of a directory has, and how many of them this user can
// still write. ID tells volumes apart, also one with several letters from itself.
func Space(dir string) (total, free int64, id string, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, "", &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	var mine, all, left uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &all, &left); err != nil {
		return 0, 0, "", &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return capacity(all, 1), capacity(mine, 1), strings.ToUpper(filepath.VolumeName(dir)), nil
}
