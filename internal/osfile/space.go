package osfile

import (
	"math"
	"math/bits"
)

// Volume is a file system.
type Volume struct {
	// Total is how many bytes it has, and Free how many of them this user can still write. Total is
	// 0 if it does not tell, as on Linux a ramfs, a tmpfs without a limit, and some of FUSE.
	Total, Free int64
	// Block is the unit in bytes in which it gives space to files, as far as it tells: file systems
	// across a network may say much more.
	Block int64
	// ID tells volumes apart, also those that share the space of one disk, such as the volumes of
	// an APFS container.
	ID string
}

// capacity returns how many bytes blocks of a size have, or the largest int64: file systems across
// a network announce 2^64 bytes if they have no limit.
func capacity(blocks, size uint64) int64 {
	high, low := bits.Mul64(blocks, size)
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}
