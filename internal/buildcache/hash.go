package buildcache

import (
	"context"
	"crypto/sha256"
	"io"
	"sync"

	"github.com/org/gocache-action/internal/digest"
)

// hashWindow is how much of an output is read at once: large enough for system calls not to count,
// and small enough to still be in the cache of the core when it is hashed.
const hashWindow = 256 << 10

var hashBuffers = sync.Pool{New: func() any { return new([hashWindow]byte) }}

// HashOutput reads an output and returns the SHA-256 of its bytes, by which it should be named; see
// Hash.
func HashOutput(ctx context.Context, c *Cache, o Output, read func(n int)) (digest.ID, error) {
	f, err := c.OpenOutput(o)
	if err != nil {
		return digest.ID{}, err
	}
	defer f.Close()
	return Hash(ctx, f, read)
}

// Hash returns the SHA-256 of what r has. If read is not nil, it is told how many bytes were read,
// each time some were. It ends early with ctx.
func Hash(ctx context.Context, r io.Reader, read func(n int)) (sum digest.ID, err error) {
	buf := hashBuffers.Get().(*[hashWindow]byte)
	defer hashBuffers.Put(buf)
	h := sha256.New()
	for {
		n, err := r.Read(buf[:])
		h.Write(buf[:n])
		if read != nil && n > 0 {
			read(n)
		}
		if err == io.EOF {
			h.Sum(sum[:0])
			return sum, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return sum, err
		}
	}
}
