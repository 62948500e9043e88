package osfile

import (
	"math"
	"math/bits"
)

// capacity returns how many bytes blocks of a size have, or the largest int64: file systems across
// a network announce 2^64 bytes if they have no limit.
func capacity(blocks, size uint64) int64 {
	high, low := bits.Mul64(blocks, size)
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}
