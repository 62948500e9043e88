//go:build linux || darwin

package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// volumeOf describes the file system under a directory.
func volumeOf(dir string) (volume, error) {
	var s unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Statfs(dir, &s); err != nil {
		return volume{}, err
	}
	v := volume{
		free: s.Bavail * uint64(s.Bsize), size: s.Blocks * uint64(s.Bsize),
		files: uint64(s.Ffree), countsFiles: s.Files > 0,
	}
	if unix.Stat(dir, &st) == nil {
		v.id = fmt.Sprint(st.Dev)
	}
	describe(&v, s, dir)
	return v, nil
}
