package doctor

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// volumeOf describes the volume under a directory.
func volumeOf(dir string) (volume, error) {
	root := filepath.VolumeName(dir) + `\`
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return volume{}, err
	}
	v := volume{id: root}
	if err := windows.GetDiskFreeSpaceEx(name, &v.free, &v.size, nil); err != nil {
		return volume{}, err
	}
	drive, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return volume{}, err
	}
	if windows.GetDriveType(drive) == windows.DRIVE_REMOTE || strings.HasPrefix(root, `\\`) {
		v.network, v.remote = true, "a network drive"
	}
	var kind [windows.MAX_PATH + 1]uint16
	if windows.GetVolumeInformation(drive, nil, 0, nil, nil, nil, &kind[0], uint32(len(kind))) == nil {
		v.kind = windows.UTF16ToString(kind[:])
	}
	return v, nil
}
