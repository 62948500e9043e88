package build

import (
	"crypto/sha256"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// finder finds the chunks of one output after the other, for one worker of a cutting. Chunks of an
// output that turns out not to be fit stay in the table. No output needs them, but they count where
// the table says how much is new.
type finder struct {
	c    *cutting
	refs []int32 // the chunks of this output so far: numbers of their entries
	tag  tag     // of the chunk that is looked at
}

// find finds the first chunk of what is left of an output, of which isEnd says that nothing follows
// it, and returns its length.
func (f *finder) find(rest []byte, isEnd bool) int {
	if n := f.recognize(rest); n > 0 {
		return n
	}
	n := chunk.Cut(rest)
	before := f.last()
	if isEnd && n == len(rest) {
		before = -1 // it ends here only because the content does, and would go on elsewhere
	}
	f.add(sha256.Sum256(rest[:n]), rest[:n], before)
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
//
// Most outputs of a job that compiles tests are copies of others, but for a few chunks. In such a
// copy, the ends of chunks need not be searched for, and no chunk needs a SHA-256 of its own: where
// a chunk ends depends on nothing but its bytes, and tags show that they are the same.
func (f *finder) recognize(rest []byte) int {
	last := f.last()
	if last < 0 {
		return 0
	}
	next, size, want := f.c.after(last)
	if size == 0 || size > len(rest) {
		return 0
	}
	if f.c.cuts.tags.sum(&f.tag, rest[:size]); f.tag != want {
		return 0
	}
	f.refs = append(f.refs, next)
	return size
}

// after returns the chunk that came after another one last, with its length and tag; 0 if that is
// not known.
func (c *cutting) after(chunk int32) (next int32, size int, x tag) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, ok := c.followers.of(chunk)
	if !ok {
		return 0, 0, x
	}
	if x, ok = c.cuts.tags.of(next); !ok {
		return 0, 0, x
	}
	return next, int(c.cuts.table.entry(next).at.size()), x
}

// add adds a chunk with this SHA-256 to those of the output, and notes that it came after another
// one, unless that is -1.
func (f *finder) add(id digest.ID, data []byte, before int32) {
	f.c.cuts.tags.sum(&f.tag, data)
	f.c.mu.Lock()
	ref := f.c.cuts.table.find(snapshot.ChunkSumOf(id), int32(len(data)))
	f.c.cuts.tags.note(ref, f.tag)
	if before >= 0 {
		f.c.followers.note(before, ref)
	}
	f.c.mu.Unlock()
	f.refs = append(f.refs, ref)
}

// addSum adds a chunk whose bytes are not known.
func (f *finder) addSum(sum snapshot.ChunkSum, size int) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.refs = append(f.refs, f.c.cuts.table.find(sum, int32(size)))
}
