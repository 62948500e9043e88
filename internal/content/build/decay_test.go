package build

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// project changes from save to save. Each of its packages has some variants, as for tests, which
// differ in part of their chunks.
type project struct {
	rnd      *rand.Rand
	ids      uint64
	packages [][]variant
	outputs  map[digest.ID]*madeOutput // all that are in the cache
	time     int64
}

// variant is the newest output of a package.
type variant struct {
	id     digest.ID
	chunks []snapshot.Chunk
}

type madeOutput struct {
	variant
	size    int64
	time    int64
	lastUse int64
}

func newProject(packages int) *project {
	p := &project{rnd: rand.New(rand.NewPCG(1, 2)), outputs: map[digest.ID]*madeOutput{}}
	for range packages {
		var list []variant
		body := p.chunks(3 + int(p.rnd.ExpFloat64()*20))
		for v := range 1 + p.rnd.IntN(4) {
			chunks := slices.Clone(body)
			if v > 0 {
				p.change(chunks, 0.1)
			}
			list = append(list, variant{chunks: chunks})
		}
		p.packages = append(p.packages, list)
	}
	return p
}

func (p *project) id() (id digest.ID) {
	p.ids++
	return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, p.ids))
}

// chunks makes n new chunks.
func (p *project) chunks(n int) (list []snapshot.Chunk) {
	for range n {
		size := 2048 + int32(p.rnd.ExpFloat64()*7000)
		list = append(list, snapshot.Chunk{Sum: snapshot.ChunkSumOf(p.id()), Len: min(size, 65536)})
	}
	return list
}

// change replaces a part of the chunks, and always those at the beginning, where the export data
// is.
func (p *project) change(list []snapshot.Chunk, part float64) {
	for i := range list {
		if i == 0 || p.rnd.Float64() < part {
			list[i] = p.chunks(1)[0]
		}
	}
}

// build makes an output of each variant of some packages. The given part of its chunks is new.
func (p *project) build(packages []int, part float64, now int64) {
	for _, n := range packages {
		before := slices.Clone(p.packages[n][0].chunks)
		after := slices.Clone(before)
		p.change(after, part)
		for v := range p.packages[n] {
			x := &p.packages[n][v]
			// the same change in all variants, except in their export data
			for i, c := range after {
				if x.chunks[i].Sum == before[i].Sum {
					x.chunks[i] = c
				}
			}
			if v > 0 {
				x.chunks[0] = p.chunks(1)[0]
			}
			x.id = digest.ID(p.id())
			p.time++
			made := &madeOutput{variant: variant{x.id, slices.Clone(x.chunks)}, time: p.time, lastUse: now}
			for _, c := range made.chunks {
				made.size += int64(c.Len)
			}
			p.outputs[x.id] = made
		}
	}
}

// pick chooses n packages.
func (p *project) pick(n int) []int { return p.rnd.Perm(len(p.packages))[:n] }

// local returns the build cache after a job that used the newest outputs.
func (p *project) local(now int64) Local {
	for _, list := range p.packages {
		for _, x := range list {
			p.outputs[x.id].lastUse = now
		}
	}
	inv := new(buildcache.Inventory)
	for id, o := range p.outputs {
		inv.Outputs = append(inv.Outputs, buildcache.Output{ID: id, Size: o.size, Time: o.time})
		inv.Entries = append(inv.Entries, buildcache.Local{Entry: buildcache.Entry{Action: id, Output: id, Size: o.size, Time: o.time}})
	}
	slices.SortFunc(inv.Outputs, func(a, b buildcache.Output) int { return slices.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(inv.Entries, func(a, b buildcache.Local) int { return slices.Compare(a.Action[:], b.Action[:]) })
	inv.Drop(nil) // makes its index
	l := New(nil, inv, func(e buildcache.Local) int64 { return p.outputs[e.Output].lastUse })
	l.cutter = func(o buildcache.Output, found func(snapshot.ChunkSum, int)) error {
		for _, c := range p.outputs[o.ID].chunks {
			found(c.Sum, int(c.Len))
		}
		return nil
	}
	return l
}

// lists is a store that holds only the packs' lists of chunks.
type lists map[string][]snapshot.Chunk

// saved is the result of a save.
type saved struct {
	manifest *snapshot.Manifest
	stored   int64 // bytes of new chunks, uncompressed
	moved    int64 // those of them that come from packs being repacked
	read     int64 // bytes of outputs that were cut
	rewrite  int   // number of repacked packs
}

// save saves as package save does, but without a store.
func (s lists) save(t *testing.T, l Local, own *snapshot.Manifest, now time.Time) (r saved) {
	t.Helper()
	base := collect.Base{Own: own, Start: now, MaxAge: 24 * time.Hour}
	if own == nil {
		base.Stock = collect.NewStock(nil, nil)
	} else {
		base.Stock = collect.NewStock([]*snapshot.Manifest{own}, nil)
	}
	keep := func(l Local) collect.Kept {
		m := l.Merge(base)
		items := m.Items(nil)
		return m.Keep(items, retention.Decide(items, retention.Policy{Now: now, MaxAge: base.MaxAge}))
	}
	k := keep(l)
	rewrite := collect.Repack(k.Shares(), 256<<20)
	plan := k.Place(snapshot.NewBuilder(), nil, rewrite)
	r.rewrite, r.read = len(rewrite), plan.Bytes
	if plan.Prepare != nil {
		in := collect.Preparing{Requests: 1, Note: collect.Note{Wrote: func(int64) {}, Warn: t.Errorf}, List: func(_ context.Context, p *snapshot.Pack) ([]snapshot.Chunk, error) {
			return s[p.Object], nil
		}}
		done, err := plan.Prepare(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		outcomes := []collect.Outcome{done.Known}
		lay := done.Known.Of.(*layout)
		for n := range lay.jobs {
			p := s.pack(lay, n)
			r.stored += p.Raw
			r.moved += movedBytesOf(lay, n)
			outcomes = append(outcomes, collect.Outcome{Object: p.Object, Pack: p, Content: collect.Content{Of: packed{lay: lay, job: n}}})
		}
		l = l.With(outcomes).(Local)
	}
	r.manifest = new(snapshot.Manifest)
	b := snapshot.NewBuilder()
	if p := keep(l).Place(b, r.manifest, rewrite); p.Missing > 0 {
		t.Errorf("%d entries are missing", p.Missing)
	}
	b.Build(r.manifest)
	return r
}

// pack makes the pack of one job of a layout.
func (s lists) pack(lay *layout, job int) snapshot.Pack {
	j := lay.jobs[job]
	h := sha256.New()
	p := snapshot.Pack{Raw: j.raw, Chunks: len(j.pieces), Frames: make([]snapshot.Frame, len(j.frames)+1)}
	var spot snapshot.Spot
	var list []snapshot.Chunk
	for _, x := range j.pieces {
		e := lay.cuts.table.entry(x.chunk)
		c := snapshot.Chunk{Sum: e.sum, Len: e.at.size()}
		c.Frame, c.Off = spot.Place(int(c.Len))
		p.Frames[c.Frame].Raw += int64(c.Len)
		h.Write(c.Sum[:])
		list = append(list, c)
	}
	for i := range p.Frames {
		p.Frames[i].Size = 1 + p.Frames[i].Raw/4
	}
	p.Object = snapshot.PackObject("r", "s", digest.ID(h.Sum(nil)))
	s[p.Object] = list
	return p
}

// movedBytesOf counts the bytes in a pack of a layout that are moved for the outputs that need
// them, and are not new.
func movedBytesOf(lay *layout, job int) (n int64) {
	j := lay.jobs[job]
	for _, x := range j.pieces[j.proven:] {
		n += int64(lay.cuts.table.entry(x.chunk).at.size())
	}
	return n
}

// effort measures what a restore of everything has to do.
type effort struct {
	outputs, extents, pairs int // pairs of an output and a frame
	frames                  int
	decoded, live           int64
}

func effortOf(m *snapshot.Manifest) (e effort) {
	type frame struct{ pack, frame int32 }
	frames := map[frame]bool{}
	for _, o := range m.Outputs {
		e.outputs++
		e.extents += len(o.Extents)
		own := map[frame]bool{}
		for _, x := range o.Extents {
			own[frame{x.Pack, x.Frame}] = true
			frames[frame{x.Pack, x.Frame}] = true
		}
		e.pairs += len(own)
	}
	e.frames = len(frames)
	for f := range frames {
		e.decoded += m.Packs[f.pack].Frames[f.frame].Raw
	}
	for _, n := range m.LiveBytes() {
		e.live += n
	}
	return e
}

// TestDecay: after a hundred saves of a changing project, a restore decodes hardly more bytes than
// after a first save of the same content. The number of extents written is only logged.
func TestDecay(t *testing.T) {
	if testing.Short() {
		t.Skip("it plans a hundred saves in one goroutine: the race detector and other systems would find nothing new")
	}
	const hour = int64(time.Hour)
	p, store := newProject(250), lists{}
	var m *snapshot.Manifest
	var worst float64
	var stored, read, moved int64
	all := p.pick(len(p.packages))
	for n := range 101 {
		now := collecttest.Now.Add(time.Duration(int64(n) * hour))
		switch {
		case n == 0:
			p.build(all, 0.01, now.Unix())
		case n%10 == 0: // a dependency upgrade
			p.build(p.pick(len(all)/3), 0.3, now.Unix())
		default: // a few packages and their dependents
			p.build(p.pick(2), 0.2, now.Unix())
			p.build(p.pick(20), 0.02, now.Unix())
		}
		r := store.save(t, p.local(now.Unix()), m, now)
		m = r.manifest
		// outputs dropped from the snapshot are not in the next job's cache
		for id, o := range p.outputs {
			if now.Sub(time.Unix(o.lastUse, 0)) > 24*time.Hour {
				delete(p.outputs, id)
			}
		}
		got := effortOf(m)
		if n > 0 {
			stored += r.stored
			moved += r.moved
			t.Logf("%3d: %5d KB new, %6d KB moved, %d packs anew", n, (r.stored-r.moved)>>10, r.moved>>10, r.rewrite)
			read += r.read
		}
		if n%10 > 0 && n != 95 {
			continue
		}
		fresh := effortOf(lists{}.save(t, p.local(now.Unix()), nil, now).manifest)
		ratio := float64(got.decoded) / float64(fresh.decoded)
		worst = max(worst, ratio)
		t.Logf("%3d: %5d outputs, %d MB live in %2d packs and %2d frames (fresh %2d); decoded %.2f of live, %.2f of fresh; extents %5d (%.2f of fresh), pairs %5d (%.2f); new %3d MB, cut %3d MB, %d packs anew",
			n, got.outputs, got.live>>20, len(m.Packs), got.frames, fresh.frames, float64(got.decoded)/float64(got.live), ratio,
			got.extents, float64(got.extents)/float64(fresh.extents), got.pairs, float64(got.pairs)/float64(fresh.pairs), r.stored>>20, r.read>>20, r.rewrite)
		if ratio > 1.3 {
			t.Errorf("after %d saves, the bytes decoded are %.2f of those after a first save", n, ratio)
		}
	}
	t.Logf("worst %.2f, %d MB stored after the first save, of which %d MB were moved, %d MB cut", worst, stored>>20, moved>>20, read>>20)
}
