// Package chunk cuts content into pieces where the content itself says so, so that equal stretches
// of different files become equal chunks, wherever in the files they lie.
//
// It is FastCDC (Xia et al., USENIX ATC 2016): a gear hash of the last 64 bytes, skipped while a
// chunk is below [Min], with a stricter condition up to [Normal] and a laxer one above it, so that
// most chunks have about Normal bytes. All parameters are part of the stored format: other ones
// would still be readable, but nothing would be found to be stored already.
package chunk

import (
	"crypto/sha256"
	"encoding/binary"
)

// Whole is the size up to which writers do not cut content, in bytes: it would hardly be cut
// otherwise, and little that is small has a part in common.
const Whole = 16 << 10

// Sizes of chunks in bytes. Only the last chunk of some content can be shorter than Min.
const (
	Min    = 2 << 10
	Normal = 8 << 10
	Max    = 64 << 10
)

// A chunk ends behind a byte at which the first bits of the hash are 0: so many of them below
// Normal bytes, and above.
const (
	strictBits = 15
	laxBits    = 11
)

// window is how many bytes the hash depends on: the bits of the others have been shifted out.
const window = 64

// gear has a random number for each byte: the first 8 bytes, as a little-endian number, of the
// SHA-256 of the byte.
var gear = func() (t [256]uint64) {
	for i := range t {
		sum := sha256.Sum256([]byte{byte(i)})
		t[i] = binary.LittleEndian.Uint64(sum[:])
	}
	return t
}()

// Cut returns the length of the first chunk of data, which has at least Max bytes, or is all that
// is left. It is 0 only for no data.
func Cut(data []byte) int {
	if len(data) <= Min {
		return len(data)
	}
	end := min(len(data), Max)
	hash := uint64(0)
	for _, b := range data[Min-window : Min] {
		hash = hash<<1 + gear[b]
	}
	normal := min(end, Normal)
	n, hash, found := scan(data, Min, normal, hash, 1<<(64-strictBits))
	if !found && n < end {
		n, _, _ = scan(data, n, end, hash, 1<<(64-laxBits))
	}
	return n
}

// scan goes on hashing from an offset on, to a limit or to behind the first byte at which the hash
// is below bound.
func scan(data []byte, from, to int, hash, bound uint64) (int, uint64, bool) {
	i := from
	for ; i+4 <= to; i += 4 {
		p := data[i : i+4 : i+4]
		if hash = hash<<1 + gear[p[0]]; hash < bound {
			return i + 1, hash, true
		}
		if hash = hash<<1 + gear[p[1]]; hash < bound {
			return i + 2, hash, true
		}
		if hash = hash<<1 + gear[p[2]]; hash < bound {
			return i + 3, hash, true
		}
		if hash = hash<<1 + gear[p[3]]; hash < bound {
			return i + 4, hash, true
		}
	}
	for ; i < to; i++ {
		if hash = hash<<1 + gear[data[i]]; hash < bound {
			return i + 1, hash, true
		}
	}
	return i, hash, false
}
