package osfile

import "golang.org/x/sys/unix"

// blockSize is the unit in which statfs counts blocks: f_frsize, as statvfs(3) says. f_bsize is
// larger where the file system would rather transfer more at once, and old ones have it alone.
func blockSize(s *unix.Statfs_t) uint64 {
	if s.Frsize > 0 {
		return uint64(s.Frsize)
	}
	return uint64(s.Bsize)
}
