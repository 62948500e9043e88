package buildcache

import (
	"bytes"
	"io"

	"github.com/org/gocache-action/internal/goentry"
)

// Ends reads the first and the last n bytes of an output. Both are the whole output if it has at
// most n bytes, and both are its beginning if it is a compiled package.
func (c *Cache) Ends(o Output, n int) (head, tail []byte, err error) {
	f, err := c.OpenOutput(o)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	head = make([]byte, min(int64(n), o.Size))
	if _, err := io.ReadFull(f, head); err != nil || o.Size <= int64(n) || bytes.HasPrefix(head, []byte(goentry.Archive)) {
		return head, head, err
	}
	tail = make([]byte, n)
	_, err = f.ReadAt(tail, o.Size-int64(n))
	return head, tail, err
}
