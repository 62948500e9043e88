package build

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// window is how many bytes of an output are in memory while it is cut.
const window = 512 << 10

// errBadOutput: the go command would link such bytes without a word, so they must not spread.
var errBadOutput = errors.New("its content does not match its name")

// cuts says of which chunks outputs consist.
type cuts struct {
	table   *chunkTable
	tags    *tags // of chunks whose bytes were read; nil: there are none
	outputs []outputCuts
	refs    []int32 // numbers of entries in table, those of one output after the other
}

// outputCuts is an output that has been read.
type outputCuts struct {
	index  int32  // in the inventory
	count  int32  // of its chunks; less than 0: it is not fit to be stored
	first  uint32 // of them in refs
	unread bool   // lists tell of which chunks it consists
}

// chunks are those of an output.
func (c *cuts) chunks(o outputCuts) []int32 {
	return c.refs[o.first : o.first+uint32(max(o.count, 0))]
}

// cutFunc cuts an output. It calls found for each of its chunks, in order. What is not what its
// name says is a collect.UnfitError.
type cutFunc func(o buildcache.Output, found func(snapshot.ChunkSum, int)) error

// cutting is a cut that several workers make. cuts is whole when they are done.
type cutting struct {
	local   Local
	note    collect.Note
	lacking int // outputs that the store lacks; those behind them are read only if no list tells of them

	// mu guards followers, and of cuts the table, refs, the memo in tags, and what outputs have but
	// their indices.
	mu        sync.Mutex
	cuts      *cuts
	followers memo[int32] // which chunk came after which, see finder.follower; nil without tags
}

// newCutting begins to cut outputs, given by their indices, into a table. There is room for as many
// others behind them.
func (l Local) newCutting(outputs []int32, others int, t *chunkTable, note collect.Note) *cutting {
	c := &cuts{table: t, tags: newTags(), outputs: make([]outputCuts, len(outputs)+others)}
	c.refs = make([]int32, 0, l.size(outputs)/chunk.Normal+int64(len(outputs)))
	for n, i := range outputs {
		c.outputs[n] = outputCuts{index: i, count: -1}
	}
	cut := &cutting{local: l, note: note, cuts: c, lacking: len(outputs)}
	if c.tags != nil {
		cut.followers = newMemo[int32]()
	}
	return cut
}

// all are the numbers of the outputs that are read in any case.
func (c *cutting) all() []int32 {
	list := make([]int32, c.lacking)
	for n := range list {
		list[n] = int32(n)
	}
	return list
}

// run reads some outputs, given by their numbers, on all cores. The largest come first, lest one of
// them is what all wait for at the end.
func (c *cutting) run(ctx context.Context, order []int32) error {
	size := func(n int32) int64 { return c.local.inv.Outputs[c.cuts.outputs[n].index].Size }
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(size(b)/window, size(a)/window) })
	workers := runtime.GOMAXPROCS(0)
	idle := make(chan *finder, workers)
	for range workers {
		idle <- c.newFinder()
	}
	return install.Each(ctx, len(order), workers, func(i int) {
		f := <-idle
		defer func() { idle <- f }()
		c.output(ctx, int(order[i]), f)
	})
}

// output cuts one output.
func (c *cutting) output(ctx context.Context, n int, f *finder) {
	o := c.local.inv.Outputs[c.cuts.outputs[n].index]
	f.refs = f.refs[:0]
	err := c.local.cut(ctx, o, f)
	if err != nil {
		if ctx.Err() == nil {
			c.note.Warn("build cache output %s is not %s: %v", o.ID, saving(n >= c.lacking), err)
		}
		return
	}
	c.note.Wrote(o.Size)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts.add(n, f.refs)
}

// saving says what is done with an output. One that is moved is stored, and stays where it is if
// that fails.
func saving(moved bool) string {
	if moved {
		return "packed anew, and stays where it is stored"
	}
	return "saved"
}

// add notes the chunks of an output, by the numbers of their entries.
func (c *cuts) add(n int, refs []int32) {
	o := &c.outputs[n]
	o.first, o.count = uint32(len(c.refs)), int32(len(refs))
	c.refs = append(c.refs, refs...)
}

// windows are what outputs are read through.
var windows = sync.Pool{New: func() any { return new([window]byte) }}

// cut reads an output, and finds its chunks while it proves that its bytes are what its name says.
func (l Local) cut(ctx context.Context, o buildcache.Output, to *finder) error {
	if l.cutter != nil {
		return l.cutter(o, to.addSum)
	}
	f, err := l.cache.OpenOutput(o)
	if err != nil {
		return &collect.UnfitError{Err: err}
	}
	defer f.Close()
	buf := windows.Get().(*[window]byte)
	defer windows.Put(buf)
	if o.Size <= chunk.Whole {
		return cutWhole(o, f, buf[:o.Size], to)
	}
	return cutContent(ctx, o, f, buf[:], to.find)
}

// cutWhole reads a small output, which is one chunk, or none.
func cutWhole(o buildcache.Output, r io.Reader, buf []byte, to *finder) error {
	if _, err := io.ReadFull(r, buf); err != nil {
		return &collect.UnfitError{Err: readError(err)}
	}
	if sha256.Sum256(buf) != o.ID {
		return &collect.UnfitError{Err: errBadOutput}
	}
	if o.Size > 0 {
		to.add(o.ID, buf, -1)
	}
	return nil
}

// cutContent reads a larger output through buf. find returns the length of the first chunk of what
// it gets, which has at least chunk.Max bytes, or is all that is left. Of each chunk all hashes are
// made at once, while its bytes are near the processor.
func cutContent(ctx context.Context, o buildcache.Output, r io.Reader, buf []byte, find func(rest []byte, all bool) int) error {
	whole := sha256.New()
	rest := buf[:0] // read, but not cut yet
	for left := o.Size; left > 0 || len(rest) > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(rest) < chunk.Max && left > 0 {
			n := copy(buf, rest)
			rest = buf[:n+int(min(left, int64(len(buf)-n)))]
			if _, err := io.ReadFull(r, rest[n:]); err != nil {
				return &collect.UnfitError{Err: readError(err)}
			}
			left -= int64(len(rest) - n)
		}
		n := find(rest, left == 0)
		whole.Write(rest[:n])
		rest = rest[n:]
	}
	if digest.ID(whole.Sum(nil)) != o.ID {
		return &collect.UnfitError{Err: errBadOutput}
	}
	return nil
}

// readError says what a file is that ends too early.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it is too short", errBadOutput)
	}
	return err
}
