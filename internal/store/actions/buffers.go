package actions

import (
	"encoding/base64"
	"sync"
)

// bufferPool lends the memory of blocks. Whoever takes a buffer holds a slot of the blobs, which
// bounds their number.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get(size int64) []byte {
	if b, ok := p.pool.Get().(*[]byte); ok && int64(cap(*b)) >= size {
		return (*b)[:size]
	}
	return make([]byte, size)
}

func (p *bufferPool) put(b []byte) { p.pool.Put(&b) }

func base64Std(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
