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
	c      *cutting
	refs   []int32 // the chunks of this output so far: numbers of their entries
	tagger tagger
}

func (c *cutting) newFinder() *finder { return &finder{c: c, tagger: tagger{tags: c.cuts.tags}} }

// find finds the first chunk of rest, and returns its length. all says that rest is all that is
// left of the output.
func (f *finder) find(rest []byte, all bool) int {
	if n := f.follower(rest); n > 0 {
		return n
	}
	n := chunk.Cut(rest)
	before := f.last()
	if all && n == len(rest) {
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

// follower finds the chunk that came after the last one when that was found before, if it does so
// here. It returns its length, or 0.
//
// Most outputs of a job that compiles tests are copies of others, but for a few chunks. In such a
// copy, the ends of chunks need not be searched for, and no chunk needs a SHA-256 of its own: where
// a chunk ends depends on nothing but its bytes, and tags show that they are the same.
func (f *finder) follower(rest []byte) int {
	last := f.last()
	if last < 0 {
		return 0
	}
	next, ok := f.c.after(last)
	if !ok || next.size > len(rest) || f.tagger.of(rest[:next.size]) != next.tag {
		return 0
	}
	f.refs = append(f.refs, next.chunk)
	return next.size
}

// tagged is a chunk whose tag is known.
type tagged struct {
	chunk int32
	size  int
	tag   tag
}

// after returns the chunk that came after another one last, if that and its tag are known.
func (c *cutting) after(chunk int32) (next tagged, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if next.chunk, ok = c.followers.of(chunk); !ok {
		return next, false
	}
	next.size = int(c.cuts.table.entry(next.chunk).at.size())
	next.tag, ok = c.cuts.tags.of(next.chunk)
	return next, ok
}

// add adds a chunk to those of the output, and notes that it came after another one, unless that is
// -1. It trusts that id is the SHA-256 of data.
func (f *finder) add(id digest.ID, data []byte, before int32) {
	x := f.tagger.of(data)
	f.c.mu.Lock()
	ref := f.c.cuts.table.find(snapshot.ChunkSumOf(id), int32(len(data)))
	f.c.cuts.tags.note(ref, x)
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
