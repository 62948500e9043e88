package build

import (
	"crypto/sha256"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/digest"
)

// finder finds the chunks of one output after the other, for one worker of a cutting. Chunks of an
// output that turns out not to be fit stay in the table. No output needs them, but they count where
// the table says how much is new.
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
	n := chunk.Cut(rest)
	id := sha256.Sum256(rest[:n])
	before := f.last()
	if isEnd && n == len(rest) {
		before = -1 // it ends here only because the content does, and would go on elsewhere
	}
	if before >= 0 && f.c.followers != nil {
		f.c.followers.sum(&f.tag, rest[:n])
	}
	f.add(id, int32(n), before)
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
	f.c.mu.Lock()
	x := f.c.followers.after(last)
	f.c.mu.Unlock()
	if x.size == 0 || int(x.size) > len(rest) {
		return 0
	}
	if f.c.followers.sum(&f.tag, rest[:x.size]); f.tag != x.tag {
		return 0
	}
	f.refs = append(f.refs, x.next)
	return int(x.size)
}

// add adds a chunk to those of the output, and notes that it came after another one, unless that is
// -1. Then f.tag is its tag.
func (f *finder) add(id digest.ID, size, before int32) {
	f.c.mu.Lock()
	ref := f.c.cuts.table.find(sumOf(id), size)
	if before >= 0 && f.c.followers != nil {
		f.c.followers.note(follower{before, ref, size, f.tag})
	}
	f.c.mu.Unlock()
	f.refs = append(f.refs, ref)
}
