package build

import (
	"crypto/sha256"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/digest"
)

// finder finds the chunks of one output after the other, for one worker of a cutting. Chunks of an
// output that turns out not to be fit stay in the table, where they lie nowhere.
type finder struct {
	c    *cutting
	refs []int32 // the chunks of this output so far: numbers of their entries
	tag  tag
}

// find finds the first chunk of what is left of an output, of which isEnd says that nothing follows
// it, and returns its length.
func (f *finder) find(rest []byte, isEnd bool) int {
	if n := f.recognize(rest); n > 0 {
		return n
	}
	before := f.last()
	n := chunk.Cut(rest)
	ref := f.add(sha256.Sum256(rest[:n]), int32(n))
	// What ends only because the content does would go on elsewhere.
	if before >= 0 && !(isEnd && n == len(rest)) {
		f.note(before, ref, rest[:n])
	}
	return n
}

// last is the chunk before the one to be found, -1 if there is none.
func (f *finder) last() int32 {
	if len(f.refs) == 0 {
		return -1
	}
	return f.refs[len(f.refs)-1]
}

// recognize finds the chunk that came after the last one when that was found before, if it does so
// here. It returns its length, or 0.
func (f *finder) recognize(rest []byte) int {
	last := f.last()
	if last < 0 || f.c.followers == nil {
		return 0
	}
	next, want, size := f.c.expect(last)
	if size == 0 || size > len(rest) {
		return 0
	}
	if f.c.tagger.sum(&f.tag, rest[:size]); f.tag != want {
		return 0
	}
	f.refs = append(f.refs, next)
	return size
}

// expect returns what came after a chunk before, and its length; 0 if that is not known.
func (c *cutting) expect(last int32) (next int32, t tag, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, t, ok := c.followers.after(last)
	if !ok {
		return 0, t, 0
	}
	return next, t, int(c.cuts.table.entry(next).at.size())
}

// add adds a chunk to those of the output, and returns its number.
func (f *finder) add(id digest.ID, size int32) int32 {
	f.c.mu.Lock()
	ref := f.c.cuts.table.find(sumOf(id), size)
	f.c.mu.Unlock()
	f.refs = append(f.refs, ref)
	return ref
}

// note notes that a chunk with these bytes came after another one.
func (f *finder) note(before, ref int32, data []byte) {
	if f.c.followers == nil {
		return
	}
	f.c.tagger.sum(&f.tag, data)
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.c.followers.note(before, ref, f.tag)
}
