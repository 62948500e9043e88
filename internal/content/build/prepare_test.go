package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// packs holds objects by name.
type packs map[string][]byte

// list reads the list of chunks of a pack.
func (p packs) list(_ context.Context, pack *snapshot.Pack) ([]snapshot.Chunk, error) {
	f, off := pack.List()
	data, ok := p[pack.Object]
	if !ok {
		return nil, errors.New("the store does not answer")
	}
	raw, err := f.Decode(data[off:off+f.Size], nil)
	if err != nil {
		return nil, fmt.Errorf("list of %s: %w", pack.Object, err)
	}
	return pack.DecodeList(raw)
}

// make runs the jobs.
func (p packs) make(t *testing.T, jobs []collect.Job, note collect.Note) (done []collect.Outcome) {
	t.Helper()
	for _, j := range jobs {
		var buf bytes.Buffer
		w := snapshot.NewChunkWriter(&buf)
		c, err := j.Chunks(t.Context(), w, note)
		pack, closeErr := w.Close()
		if err = errors.Join(err, closeErr); err != nil {
			t.Fatal(err)
		}
		if pack.Raw != j.Bytes || pack.Raw != c.Raw || int64(buf.Len()) > j.Size+j.Size/64+snapshot.FrameSize {
			t.Errorf("a pack of %d bytes for a job of %d and content of %d", pack.Raw, j.Bytes, c.Raw)
		}
		pack.Object = snapshot.PackObject("r", "s", w.Sum())
		p[pack.Object] = buf.Bytes()
		done = append(done, collect.Outcome{Content: c, Object: pack.Object, Pack: pack, Uploaded: true})
	}
	return done
}

// output assembles the bytes of an output.
func (p packs) output(t *testing.T, m *snapshot.Manifest, o snapshot.Output) string {
	t.Helper()
	var all []byte
	for _, e := range o.Extents {
		pack := m.Packs[e.Pack]
		var off int64
		for _, f := range pack.Frames[:e.Frame] {
			off += f.Size
		}
		f := pack.Frames[e.Frame]
		raw, err := f.Decode(p[pack.Object][off:off+f.Size], nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw[e.Off:e.Off+e.Len]...)
	}
	return string(all)
}

// step is the result of one save.
type step struct {
	manifest *snapshot.Manifest
	jobs     []collect.Job
	local    Local // after the save
	warnings collecttest.Warnings
	read     int64 // bytes of outputs that were read
	again    int64 // bytes of chunks that were read
}

// save saves a build cache on top of some manifests. It calls between after reading the outputs and
// before making the packs.
func (p packs) save(t *testing.T, l Local, between func(), own ...*snapshot.Manifest) (s step) {
	t.Helper()
	return p.saveAnew(t, l, between, nil, own...)
}

// saveAnew is like save, but repacks some packs.
func (p packs) saveAnew(t *testing.T, l Local, between func(), rewrite map[string]bool, own ...*snapshot.Manifest) (s step) {
	t.Helper()
	base := collect.Base{Stock: collect.NewStock(own, nil), Start: collecttest.Now, Untrimmed: true}
	var mu sync.Mutex // guards s, which workers report to
	locked := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	note := collect.Note{
		Wrote: func(n int64) { locked(func() { s.read += n }) }, Read: func(n int64) { locked(func() { s.again += n }) },
		Warn: func(format string, args ...any) { locked(func() { s.warnings.Warn(format, args...) }) },
	}
	plan := l.Merge(base).Keep(nil, nil).Place(snapshot.NewBuilder(), nil, rewrite)
	s.local = l
	if plan.Prepare != nil {
		done, err := plan.Prepare(t.Context(), collect.Preparing{List: p.list, Requests: 3, Note: note})
		if err != nil {
			t.Fatal(err)
		}
		if between != nil {
			between()
		}
		s.jobs = done.Jobs
		s.local = l.With(append(p.make(t, done.Jobs, note), done.Known)).(Local)
	}
	s.manifest = &snapshot.Manifest{Repo: "r", Scope: "s", Key: []string{"n", "d"}, Digest: "d"}
	b := snapshot.NewBuilder()
	s.local.Merge(base).Keep(nil, nil).Place(b, s.manifest, rewrite)
	b.Build(s.manifest)
	data, err := s.manifest.Encode()
	if err == nil {
		_, err = snapshot.DecodeManifest(data)
	}
	if err != nil {
		t.Error(err)
	}
	return s
}

// check demands that the manifest has exactly these outputs, with the right bytes.
func (p packs) check(t *testing.T, m *snapshot.Manifest, outputs ...string) {
	t.Helper()
	want := map[digest.ID]string{}
	for _, o := range outputs {
		want[sha256.Sum256([]byte(o))] = o
	}
	for _, o := range m.Outputs {
		if text, ok := want[o.ID]; !ok || p.output(t, m, o) != text {
			t.Errorf("output %x of %d bytes has other bytes", o.ID[:4], o.Size)
		}
		delete(want, o.ID)
	}
	for id := range want {
		t.Errorf("output %x is missing", id[:4])
	}
}

// noise returns content in which no part occurs twice.
func noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// outputFile returns the path of an output in GOCACHE.
func outputFile(dir, output string) string {
	id := digest.ID(sha256.Sum256([]byte(output))).String()
	return filepath.Join(dir, id[:2], id+"-d")
}

// TestSaves: outputs of all sizes can be read back, equal content is stored once, and the same
// outputs make the same packs.
func TestSaves(t *testing.T) {
	dir := t.TempDir()
	large := noise(1, 3<<20)
	first := []string{"", "x", noise(2, chunk.Whole), noise(3, chunk.Whole+1), strings.Repeat("\x00", 300_000), large}
	p := packs{}
	one := p.save(t, cacheWith(t, dir, first...), nil)
	p.check(t, one.manifest, first...)
	var all int64
	for _, o := range first {
		all += int64(len(o))
	}
	if one.read != all || one.again >= all-190_000 || len(one.warnings) > 0 {
		t.Errorf("%d bytes of %d were read, and %d of chunks; %q", one.read, all, one.again, one.warnings)
	}
	again := packs{}
	again.save(t, cacheWith(t, dir), nil)
	if len(again) != len(p) {
		t.Errorf("%d packs, then %d", len(p), len(again))
	}
	for name := range again {
		if _, ok := p[name]; !ok {
			t.Error("another pack for the same content")
		}
	}

	// changes in the middle and at both ends
	changed := noise(4, 100) + large[:1<<20] + noise(5, 5000) + large[1<<20:2<<20] + "end"
	second := append(slices.Clone(first), changed, large+"!")
	two := p.save(t, cacheWith(t, dir, second...), nil, one.manifest)
	p.check(t, two.manifest, second...)
	if two.read != int64(len(changed)+len(large)+1) || two.again > 300_000 || two.again < 5000 || len(two.jobs) != 1 {
		t.Errorf("%d bytes were read, and %d of chunks, for %d jobs", two.read, two.again, len(two.jobs))
	}
	if three := p.save(t, two.local, nil, two.manifest); len(three.jobs) > 0 || three.read > 0 {
		t.Errorf("%d jobs for nothing new", len(three.jobs))
	}
}

// TestNothingNew: an output whose chunks are all stored needs no new pack.
func TestNothingNew(t *testing.T) {
	dir := t.TempDir()
	a, b := noise(1, 300_000), noise(2, 300_000)
	p := packs{}
	one := p.save(t, cacheWith(t, dir, a+b), nil)
	half := a + b[:200_000]
	cut := 0
	ends := map[int]bool{}
	if err := cutContent(t.Context(), buildcache.Output{ID: sha256.Sum256([]byte(half)), Size: int64(len(half))}, strings.NewReader(half), make([]byte, window), func(rest []byte, _ bool) int {
		n := chunk.Cut(rest)
		cut += n
		ends[cut] = true
		return n
	}); err != nil {
		t.Fatal(err)
	}
	n := len(half) - 1
	for !ends[n] { // up to the end of a chunk
		n--
	}
	half = half[:n]
	two := p.save(t, cacheWith(t, dir, half), nil, one.manifest)
	p.check(t, two.manifest, a+b, half)
	if len(two.jobs) != 0 || !two.local.Placed(sha256.Sum256([]byte(half))) {
		t.Errorf("%d jobs", len(two.jobs))
	}
}

// TestLists: if lists of chunks cannot be read, or are not worth reading, then more is stored, and
// nothing else happens.
func TestLists(t *testing.T) {
	content, small := noise(1, 2<<20), noise(2, 50)
	more := content[:1<<20] + small
	for name, c := range map[string]struct {
		output string
		spoil  func(p packs, object string)
		new    int // at most, in bytes
		warn   string
	}{
		"read":        {more, func(packs, string) {}, 80_000, ""},
		"damaged":     {more, func(p packs, object string) { p[object] = slices.Clone(p[object]); p[object][len(p[object])-5] ^= 1 }, 2 << 20, "is stored once more"},
		"gone":        {more, func(p packs, object string) { delete(p, object) }, 2 << 20, "of 1 pack could not be read"},
		"a few bytes": {small, func(p packs, object string) { delete(p, object) }, 50, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p := packs{}
			one := p.save(t, cacheWith(t, dir, content), nil)
			object := one.manifest.Packs[0].Object
			good := p[object]
			c.spoil(p, object)
			two := p.save(t, cacheWith(t, dir, c.output), nil, one.manifest)
			p[object] = good
			p.check(t, two.manifest, content, c.output)
			if two.again > int64(c.new) || !two.warnings.Mention(c.warn) {
				t.Errorf("%d bytes are new, %q", two.again, two.warnings)
			}
		})
	}
}

// TestPrepareCancelled: preparing ends with its context, even while it waits for the store.
func TestPrepareCancelled(t *testing.T) {
	dir := t.TempDir()
	p := packs{}
	one := p.save(t, cacheWith(t, dir, noise(1, 1<<20)), nil)
	why := errors.New("time is up")
	before := runtime.NumGoroutine()
	base := collect.Base{Stock: collect.NewStock([]*snapshot.Manifest{one.manifest}, nil), Start: collecttest.Now, Untrimmed: true}
	plan := cacheWith(t, dir, noise(2, 1<<20)).Merge(base).Keep(nil, nil).Place(snapshot.NewBuilder(), nil, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := plan.Prepare(ctx, collect.Preparing{
		List: func(ctx context.Context, _ *snapshot.Pack) ([]snapshot.Chunk, error) {
			cancel(why)
			<-ctx.Done()
			return nil, ctx.Err()
		},
		Requests: 1, Note: collect.Note{Wrote: func(int64) {}, Warn: t.Logf},
	})
	if !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	collecttest.NoMoreGoroutines(t, before)
}

// TestOtherPlaces: a pack is not made if its chunks do not get the places planned for them, and a
// pack of which nothing can be read has no members.
func TestOtherPlaces(t *testing.T) {
	dir, content := t.TempDir(), noise(1, 100_000)
	plan := cacheWith(t, dir, content).Merge(collect.Base{Stock: collect.NewStock(nil, nil), Start: collecttest.Now, Untrimmed: true}).Keep(nil, nil).Place(snapshot.NewBuilder(), nil, nil)
	var warnings collecttest.Warnings
	note := collect.Note{Wrote: func(int64) {}, Read: func(int64) {}, Warn: warnings.Warn}
	done, err := plan.Prepare(t.Context(), collect.Preparing{Requests: 1, Note: note})
	if err != nil || len(done.Jobs) != 1 {
		t.Fatal(len(done.Jobs), err)
	}
	write := func() (collect.Content, error) {
		w := snapshot.NewChunkWriter(io.Discard)
		defer func() { _, _ = w.Close() }()
		return done.Jobs[0].Chunks(t.Context(), w, note)
	}
	if c, err := write(); err != nil || c.Members == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	lay := done.Known.Of.(*layout)
	lay.jobs[0].frames[0]--
	var torn *collect.TornError
	if _, err := write(); !errors.As(err, &torn) || !errors.Is(err, errOtherPlaces) {
		t.Errorf("%v", err)
	}
	lay.jobs[0].frames[0]++
	if err := os.Remove(outputFile(dir, content)); err != nil {
		t.Fatal(err)
	}
	if c, err := write(); err != nil || c.Members != 0 || !warnings.Mention("is not saved") {
		t.Errorf("%+v, %v, %q", c, err, warnings)
	}
}
