//go:build linux || darwin

package doctor

import (
	"golang.org/x/sys/unix"

	"github.com/org/gocache-action/internal/osfile"
)

// volumeOf describes the file system under a directory.
func volumeOf(dir string) (volume, error) {
	space, err := osfile.Space(dir)
	if err != nil {
		return volume{}, err
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return volume{}, err
	}
	v := volume{id: space.ID, free: uint64(space.Free), size: uint64(space.Total), files: uint64(s.Ffree), countsFiles: s.Files > 0}
	describe(&v, s, dir)
	return v, nil
}
