package listing

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Package is a compiled package, or a program, with all outputs of it: one for each way in which it
// was compiled.
type Package struct {
	Name string `json:"name"`
	retention.Amount
}

const (
	// lookedAt is of how many outputs, the largest, it is found out what they are.
	lookedAt = 500
	// cachedFrames bounds the memory: 16 MiB each.
	cachedFrames = 4
)

// Packages reads of the largest outputs of a snapshot which packages they are, and sums them up,
// the largest first. That is in no manifest: it reads the frames of packs in which these outputs
// begin, which is most of the build cache at worst, each once or twice.
func Packages(ctx context.Context, st store.Store, m *snapshot.Manifest) ([]Package, error) {
	frames := &frameReader{ctx: ctx, store: st, m: m}
	sums := map[string]*retention.Amount{}
	for _, i := range largestOutputs(m) {
		o := &m.Outputs[i]
		name, err := nameOf(frames, o)
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		if sums[name] == nil {
			sums[name] = new(retention.Amount)
		}
		sums[name].Add(o.Size)
	}
	list := make([]Package, 0, len(sums))
	for name, a := range maps.All(sums) {
		list = append(list, Package{name, *a})
	}
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// largestOutputs are indices of the largest ones in the order in which outputs lie.
func largestOutputs(m *snapshot.Manifest) []int {
	order := make([]int, len(m.Outputs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Outputs[b].Size, m.Outputs[a].Size) })
	order = order[:min(len(order), lookedAt)]
	slices.Sort(order)
	return order
}

// nameOf is the import path of a package, or the name of a program; "" of all others, and of what a
// compiler wrote that this program does not know.
func nameOf(frames *frameReader, o *snapshot.Output) (string, error) {
	if o.Exec != "" {
		return o.Exec + " (program)", nil
	}
	r := &outputReader{frames: frames, output: o}
	head := make([]byte, min(o.Size, int64(len(goentry.Archive))))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return "", err
	}
	if !bytes.HasPrefix(head, []byte(goentry.Archive)) {
		return "", nil
	}
	name, err := goentry.ImportPath(r)
	if r.err != nil {
		return "", r.err
	}
	if err != nil {
		return "", nil
	}
	return name, nil
}

// outputReader reads an output where it lies in packs. It is for one goroutine.
type outputReader struct {
	frames *frameReader
	output *snapshot.Output
	err    error // of the store
}

// ReadAt implements io.ReaderAt.
func (r *outputReader) ReadAt(p []byte, off int64) (n int, err error) {
	at := int64(0)
	for _, e := range r.output.Extents {
		end := at + int64(e.Len)
		if off+int64(n) < end && n < len(p) {
			frame, err := r.frames.frame(e.Pack, e.Frame)
			if err != nil {
				r.err = err
				return n, err
			}
			from := int64(e.Off) + off + int64(n) - at
			n += copy(p[n:], frame[from:int64(e.Off)+int64(e.Len)])
		}
		at = end
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// frameReader reads frames of packs, and keeps the last ones.
type frameReader struct {
	ctx    context.Context
	store  store.Store
	m      *snapshot.Manifest
	cached []cachedFrame // the last used one at the end
}

type cachedFrame struct {
	pack, frame int32
	raw         []byte
}

func (r *frameReader) frame(pack, frame int32) ([]byte, error) {
	i := slices.IndexFunc(r.cached, func(c cachedFrame) bool { return c.pack == pack && c.frame == frame })
	if i >= 0 {
		c := r.cached[i]
		r.cached = append(slices.Delete(r.cached, i, i+1), c)
		return c.raw, nil
	}
	p := &r.m.Packs[pack]
	f, off := p.FrameAt(int(frame))
	raw, err := r.read(p.Object, f, off)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.Object, err)
	}
	if len(r.cached) == cachedFrames {
		r.cached = slices.Delete(r.cached, 0, 1)
	}
	r.cached = append(r.cached, cachedFrame{pack, frame, raw})
	return raw, nil
}

// read reads and verifies a frame.
func (r *frameReader) read(object string, f snapshot.Frame, off int64) ([]byte, error) {
	body, _, err := r.store.Open(r.ctx, object, off, f.Size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	stored := make([]byte, f.Size)
	if _, err := io.ReadFull(body, stored); err != nil {
		return nil, err
	}
	return f.Decode(stored, nil)
}
