//go:build unix && !linux

package osfile

import "golang.org/x/sys/unix"

// blockSize is the unit in which statfs(2) counts blocks.
func blockSize(s *unix.Statfs_t) uint64 { return uint64(s.Bsize) }
