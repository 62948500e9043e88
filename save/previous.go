package save

import (
	"bytes"
	"context"
	"errors"
	"sort"
	"time"

	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/sync/errgroup"
)

// findDamage learns which packs of the previous manifests cannot be built upon: those
// that the restore of this job found damaged, and those that are gone or
// have another size, which a lifecycle rule or a broken upload can bring about. What lies in them
// counts as not stored, and is uploaded anew if it is here.
func (r *run) findDamage(ctx context.Context) error {
	r.prev.bad = map[string]map[int]bool{}
	if r.State != nil {
		for _, d := range r.State.Damaged {
			r.prev.markBad(d.Object, d.Frame)
		}
	}
	sizes := map[string]int64{}
	for _, m := range r.prev.manifests {
		for _, p := range m.Packs {
			sizes[p.Object] = p.Size
		}
	}
	return r.withNotes(ctx, func() error { return r.checkPacks(ctx, sizes) })
}

func (r *run) checkPacks(ctx context.Context, sizes map[string]int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for object, size := range sizes {
		g.Go(func() error {
			info, err := r.Store.Stat(ctx, object)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err != nil || info.Size != size {
				r.tally.add(func(*Result) { r.prev.markBad(object, -1) })
			}
			return nil
		})
	}
	return g.Wait()
}

func (p *previous) markBad(object string, frame int) {
	if p.bad[object] == nil {
		p.bad[object] = map[int]bool{}
	}
	p.bad[object][frame] = true
}

func (p *previous) isBad(object string) bool { return p.bad[object][-1] }

// index notes for every stored output where it lies. The outputs of all manifests are numbered, one
// manifest after the other.
func (p *previous) index() {
	n := 0
	for _, m := range p.manifests {
		n = max(n, len(m.Outputs))
	}
	p.where = idindex.New(n, func(i int32) *snapshot.ID { o, _ := p.at(i); return &o.ID })
	p.files = map[fileID]storedFile{}
	first := 0
	for _, m := range p.manifests {
		indexFiles(p.files, m, p.bad)
		for i, o := range m.Outputs {
			if p.isWhole(m, o) {
				p.where.Add(int32(first + i))
			}
		}
		first += len(m.Outputs)
	}
}

// at returns an output by its number, and its manifest.
func (p *previous) at(i int32) (*snapshot.Output, *snapshot.Manifest) {
	n := int(i)
	for _, m := range p.manifests {
		if n < len(m.Outputs) {
			return &m.Outputs[n], m
		}
		n -= len(m.Outputs)
	}
	panic("output of no manifest")
}

// total is how many outputs are numbered.
func (p *previous) total() (n int) {
	for _, m := range p.manifests {
		n += len(m.Outputs)
	}
	return n
}

// isWhole reports whether nothing is known against the bytes of an output.
func (p *previous) isWhole(m *snapshot.Manifest, o snapshot.Output) bool {
	bad := p.bad[m.Packs[o.Pack].Object]
	if bad == nil {
		return true
	}
	for f := o.Frame; f < m.Span(o); f++ {
		if bad[f] {
			return false
		}
	}
	return !bad[-1]
}

// output returns where an output is stored, with Pack as an index into the second result's packs.
func (p *previous) output(id snapshot.ID) (snapshot.Output, *snapshot.Manifest, bool) {
	i, ok := p.where.Find(&id)
	if !ok {
		return snapshot.Output{}, nil, false
	}
	o, m := p.at(i)
	return *o, m, true
}

// lastUse is when a previous save saw the action used last; 0 when none knows it.
func (p *previous) lastUse(action snapshot.ID) (t int64) {
	for _, m := range p.manifests {
		if a := findAction(m, action); a != nil {
			t = max(t, a.LastUse)
		}
	}
	return t
}

func findAction(m *snapshot.Manifest, id snapshot.ID) *snapshot.Action {
	i := sort.Search(len(m.Actions), func(i int) bool { return bytes.Compare(m.Actions[i].ID[:], id[:]) >= 0 })
	if i < len(m.Actions) && m.Actions[i].ID == id {
		return &m.Actions[i]
	}
	return nil
}

// module returns a previous record of a module version whose object is good.
func (p *previous) module(path, version, sum string) *snapshot.Module {
	for _, m := range p.manifests {
		i := sort.Search(len(m.Modules), func(i int) bool {
			x := m.Modules[i]
			return x.Path > path || x.Path == path && x.Version >= version
		})
		if i < len(m.Modules) {
			if x := &m.Modules[i]; x.Path == path && x.Version == version && x.Sum == sum && !p.isBad(x.Object) {
				return x
			}
		}
	}
	return nil
}

// tree returns the record of the largest pack of a tree that is good, in the best manifest that has
// one.
func (p *previous) tree(name string) (best snapshot.Tree, pack snapshot.Pack, ok bool) {
	for _, m := range p.manifests {
		for _, t := range m.Trees {
			if at := m.Packs[t.Pack]; t.Name == name && p.bad[at.Object] == nil && (!ok || t.Files > best.Files) {
				best, pack, ok = t, at, true
			}
		}
		if ok {
			break
		}
	}
	return best, pack, ok
}

// asked is when the go command told last which modules are in use, for a snapshot of these module
// files.
func (p *previous) asked(digest string) (t time.Time) {
	for _, m := range p.manifests {
		if m.Digest == digest && m.UseAsked.After(t) {
			t = m.UseAsked
		}
	}
	return t
}
