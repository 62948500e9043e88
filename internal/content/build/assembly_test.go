package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Frames of the world that newShared makes.
const (
	manyPacks  = 4
	manyFrames = 3    // of each pack, beside its list
	frameBytes = 6000 // of each frame
)

// newShared returns a world whose outputs share frames: most consist of extents from anywhere in 4
// packs of 3 frames, some lie in one frame, and one is empty. Every seventh output is a program.
// Each output has one action.
func newShared(t *testing.T) world {
	t.Helper()
	w := world{cache: buildcache.Open(filepath.Join(t.TempDir(), "build")), store: new(contenttest.Store)}
	w.kind = Restore{Cache: w.cache, Place: install.NewPlace("build cache"), PartSize: 1 << 13, Scanning: func(int64) {}}
	r := rand.New(rand.NewPCG(3, 4))
	w.manifest = new(snapshot.Manifest)
	var raw [][][]byte
	for range manyPacks {
		var frames [][]byte
		for range manyFrames {
			data := make([]byte, frameBytes)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			frames = append(frames, data)
		}
		raw = append(raw, frames)
		p := contenttest.Pack(w.store, append(slices.Clone(frames), []byte("list"))...)
		p.Chunks = 1
		w.manifest.Packs = append(w.manifest.Packs, p)
	}
	for i := range 60 {
		var extents []snapshot.Extent
		for range i % 13 {
			e := snapshot.Extent{Pack: r.Int32N(manyPacks), Frame: r.Int32N(manyFrames), Off: r.Int32N(frameBytes - 600), Len: 1 + r.Int32N(600)}
			if i%5 == 0 && len(extents) > 0 { // in one frame
				e.Pack, e.Frame = extents[0].Pack, extents[0].Frame
			}
			extents = append(extents, e)
		}
		if len(extents) == 0 && i > 0 {
			extents = append(extents, snapshot.Extent{Len: int32(i)})
		}
		var content []byte
		for _, e := range extents {
			content = append(content, raw[e.Pack][e.Frame][e.Off:e.Off+e.Len]...)
		}
		o := snapshot.Output{ID: sha256.Sum256(content), Size: int64(len(content)), Extents: extents}
		if i%7 == 6 {
			o.Exec = "tool"
		}
		w.manifest.Outputs = append(w.manifest.Outputs, o)
		w.manifest.Actions = append(w.manifest.Actions, snapshot.Action{ID: contenttest.ID(byte(i), 1), Output: i, Time: 1, LastUse: 1})
		w.contents = append(w.contents, content)
	}
	return w
}

// isIn reports whether output i has bytes in a frame.
func (w world) isIn(i, pack, frame int) bool {
	return slices.ContainsFunc(w.manifest.Outputs[i].Extents, func(e snapshot.Extent) bool {
		return int(e.Pack) == pack && int(e.Frame) == frame
	})
}

// outputsWithout lists the outputs that have no bytes in any of these frames.
func (w world) outputsWithout(frames ...[2]int) (list []int) {
	for i := range w.manifest.Outputs {
		if !slices.ContainsFunc(frames, func(f [2]int) bool { return w.isIn(i, f[0], f[1]) }) {
			list = append(list, i)
		}
	}
	return list
}

// damage changes a byte of a frame in the store.
func (w world) damage(pack, frame int) {
	p := w.manifest.Packs[pack]
	at := 20
	for _, f := range p.Frames[:frame] {
		at += int(f.Size)
	}
	w.store.Change(p.Object, at)
}

// begin compares the cache with the manifest, makes a plan, and returns its jobs.
func (w world) begin(t *testing.T, env *install.Env) ([]install.Job, install.Outcome) {
	t.Helper()
	here, err := Compare(t.Context(), w.cache, false, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return w.kind.Begin(t.Context(), env, w.kind.Plan(w.manifest, here))
}

// runAll runs the jobs concurrently, in random order.
func runAll(ctx context.Context, jobs []install.Job, seed uint64) (total install.Outcome, err error) {
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			out, jobErr := j.Do(ctx, func() {})
			mu.Lock()
			defer mu.Unlock()
			total.Add(out)
			err = errors.Join(err, jobErr)
		})
	}
	wg.Wait()
	return total, err
}

// all returns the numbers from 0 to n-1.
func all(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// TestShared: when frames are read in any order and several at once, every output is restored
// whole, is aged and is counted once, and nothing else appears in the cache.
func TestShared(t *testing.T) {
	for seed := range uint64(8) {
		w := newShared(t)
		w.kind.Verify = seed%2 == 1
		env := installtest.NewEnv(t, w.store, nil)
		jobs, _ := w.begin(t, env)
		if len(jobs) < manyPacks+1 {
			t.Fatalf("%d jobs", len(jobs))
		}
		out, err := runAll(t.Context(), jobs, seed)
		env.End()
		n := len(w.contents)
		if err != nil || out.Counts != (install.Counts{Restored: n}) || len(out.Losses)+len(out.Warnings) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		got, entries := w.here(t)
		if !slices.Equal(got, all(n)) || entries != n {
			t.Errorf("%d outputs, %d entries", len(got), entries)
		}
		size := int64(0)
		for i, c := range w.contents {
			size += int64(len(c) + buildcache.EntrySize)
			path := w.file(i)
			if w.manifest.Outputs[i].Exec != "" {
				path = filepath.Dir(path)
			}
			if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < 2*time.Hour {
				t.Errorf("output %d looks used: %v", i, err)
			}
		}
		if m := env.Fetch.Meter; m.Files.Load() != int64(2*n) || m.Disk.Load() != size {
			t.Errorf("%d files, %d bytes; want %d, %d", m.Files.Load(), m.Disk.Load(), 2*n, size)
		}
		frames := map[string]int{}
		for _, name := range w.store.Reads() {
			frames[name]++
		}
		for name, n := range frames {
			if n > manyFrames {
				t.Errorf("%s: %d reads", name, n)
			}
		}
	}
}

// TestSharedDamage: a damaged frame loses every output that has bytes in it, even one whose other
// extents were already written. Each lost output is counted once, and each frame is reported once.
func TestSharedDamage(t *testing.T) {
	for seed, bad := range [][][2]int{{{0, 0}}, {{1, 2}}, {{2, 0}, {2, 1}}, {{0, 1}, {3, 2}, {1, 0}}} {
		w := newShared(t)
		for _, f := range bad {
			w.damage(f[0], f[1])
		}
		env := installtest.NewEnv(t, w.store, nil)
		jobs, _ := w.begin(t, env)
		out, err := runAll(t.Context(), jobs, uint64(seed))
		want := w.outputsWithout(bad...)
		if err != nil || out.Counts != (install.Counts{Restored: len(want), Refused: len(w.contents) - len(want)}) {
			t.Errorf("%v: %+v, %v", bad, out.Counts, err)
		}
		if len(out.Damages) != len(bad) || len(out.Losses) != len(bad) {
			t.Errorf("%v: %+v", bad, out.Damages)
		}
		// even before the end, lost outputs leave nothing behind
		if got, entries := w.here(t); !slices.Equal(got, want) || entries != len(want) {
			t.Errorf("%v: outputs %v, want %v; %d entries", bad, got, want, entries)
		}
		env.End()
	}
}

// TestSharedRefused: when an output does not match its name, none of its frames is trusted any
// more, but only one loss is reported.
func TestSharedRefused(t *testing.T) {
	w := newShared(t)
	w.kind.Verify = true
	bad := slices.IndexFunc(w.manifest.Outputs, func(o snapshot.Output) bool { return len(framesOf(o.Extents)) > 3 })
	o := &w.manifest.Outputs[bad]
	o.ID[31] ^= 1
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	out, err := runAll(t.Context(), jobs, 1)
	if err != nil || out.Counts.Refused != 1 || len(out.Losses) != 1 {
		t.Errorf("%+v, %+v, %v", out.Counts, out.Losses, err)
	}
	damage := collect.Damage{}
	for _, d := range out.Damages {
		damage.Mark(d.Object, d.Frame)
	}
	stock := collect.NewStock(nil, damage)
	for _, e := range o.Extents {
		if object := w.manifest.Packs[e.Pack].Object; !stock.IsBad(object, int(e.Frame)) {
			t.Errorf("frame %d of %s is still trusted", e.Frame, object)
		}
	}
}

// TestDoubt: a frame is recorded once, however many outputs lie in it.
func TestDoubt(t *testing.T) {
	w := newShared(t)
	wr := writer{in: &installer{manifest: w.manifest}, out: new(install.Outcome)}
	frames := []snapshot.Extent{{Pack: 1}, {Pack: 1, Frame: 1}, {Pack: 2, Frame: 1}}
	for range 3 {
		wr.doubt(frames, "for a reason")
	}
	if len(wr.out.Damages) != len(frames) || len(wr.out.Losses) != 0 {
		t.Errorf("%+v", wr.out.Damages)
	}
}

// TestSharedMissing: a missing pack is reported once, and every output with bytes in it is lost.
func TestSharedMissing(t *testing.T) {
	w := newShared(t)
	w.kind.PartSize = 1 << 20 // one read per pack
	w.store.Set(w.manifest.Packs[1].Object, nil)
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	out, err := runAll(t.Context(), jobs, 1)
	want := w.outputsWithout([2]int{1, 0}, [2]int{1, 1}, [2]int{1, 2})
	if err != nil || out.Counts != (install.Counts{Restored: len(want), Missing: len(w.contents) - len(want)}) || len(out.Damages) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if got, _ := w.here(t); !slices.Equal(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
}

// TestSharedCancelled: wherever a restore is cancelled, it removes partial outputs, and every
// output under its final name is whole.
func TestSharedCancelled(t *testing.T) {
	for _, after := range []int{1, 3, 6} {
		w := newShared(t)
		reason := errors.New("enough") // a cancellation is never recorded as damage
		ctx, cancel := context.WithCancelCause(t.Context())
		w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
			if len(w.store.Reads()) > after {
				cancel(reason)
			}
			return body, nil
		}
		env := installtest.NewEnv(t, w.store, nil)
		jobs, _ := w.begin(t, env)
		var out install.Outcome
		var err error
		for _, j := range jobs { // one after another, so that some are done
			o, jobErr := j.Do(ctx, func() {})
			out.Add(o)
			err = errors.Join(err, jobErr)
		}
		if !errors.Is(err, context.Canceled) && !errors.Is(err, reason) || len(out.Damages) > 0 {
			t.Errorf("%v, %+v", err, out.Damages)
		}
		inv, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{})
		if err != nil || after > 1 && len(inv.Partial) == 0 {
			t.Errorf("no partial output: %v", err)
		}
		env.End()
		if got, _ := w.here(t); len(got) == len(w.contents) {
			t.Error("all was restored")
		}
		w.store.OnOpen = nil
		if out, err := w.run(t); err != nil || out.Counts.Restored+out.Counts.Present != len(w.contents) {
			t.Errorf("again: %+v, %v", out, err)
		}
	}
}

// TestSharedStoreFails: a failure of the store ends the restore in the same way.
func TestSharedStoreFails(t *testing.T) {
	w := newShared(t)
	w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
		if len(w.store.Reads()) > 4 {
			return nil, store.ErrDenied
		}
		return body, nil
	}
	if _, err := w.run(t); !errors.Is(err, store.ErrDenied) {
		t.Errorf("%v", err)
	}
	w.here(t)
}

// TestLeftBehind: a restore removes what a killed one left behind, and keeps what a running one is
// writing. Where it cannot tell which, it removes files older than an hour. None of these files
// counts as a loss.
func TestLeftBehind(t *testing.T) {
	w := newShared(t)
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	for _, j := range jobs[:3] {
		if _, err := j.Do(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	living, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil || len(living.Partial) < 5 {
		t.Fatalf("%q, %v", living.Partial, err)
	}
	put := func(name string, old time.Duration) {
		path, at := filepath.Join(w.cache.Dir(), name), time.Now().Add(-old)
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	id := digest.ID(w.manifest.Outputs[11].ID).String()
	name := id[:2] + "/" + id + "-d."
	put(name+"DEAD.partial", 0)
	put("gocache-DEAD.lock", 0) // no process holds this lock
	put(name+"OLD.partial", 61*time.Minute)
	put(name+"YOUNG.partial", 59*time.Minute)
	out, err := w.run(t)
	if err != nil || out.Counts.Restored+out.Counts.Present != len(w.contents) || len(out.Losses)+len(out.Warnings) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	want := append(slices.Clone(living.Partial), name+"YOUNG.partial")
	slices.Sort(want)
	inv, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil || !slices.Equal(inv.Partial, want) || len(inv.Broken) > 0 || len(inv.Outputs) != len(w.contents) {
		t.Errorf("%q, want %q, %v", inv.Partial, want, err)
	}
	env.End()
	if left, _ := filepath.Glob(filepath.Join(w.cache.Dir(), "gocache-*")); len(left) > 0 {
		t.Errorf("%q", left)
	}
}

// TestSharedMeanwhile: outputs that another process puts in place, before the restore or between
// its frames, are kept and get their entries.
func TestSharedMeanwhile(t *testing.T) {
	for begun := range 6 {
		w := newShared(t)
		env := installtest.NewEnv(t, w.store, nil)
		jobs, _ := w.begin(t, env)
		first, err := installtest.Run(t, jobs[:begun])
		if err != nil {
			t.Fatal(err)
		}
		if out, err := w.run(t); err != nil || out.Counts.Restored+out.Counts.Present != len(w.contents) || out.Counts.Present != first.Counts.Restored {
			t.Fatalf("the other: %+v, %v", out, err)
		}
		out, err := installtest.Run(t, jobs[begun:])
		if err != nil || out.Counts.Restored+first.Counts.Restored != len(w.contents) {
			t.Errorf("%+v, %v", out, err)
		}
		if got, entries := w.here(t); len(got) != len(w.contents) || entries != len(got) {
			t.Errorf("%d outputs, %d entries", len(got), entries)
		}
	}
}

// TestPartialCleaned: if somebody removes a partial output, as `go clean -cache` does, that output
// is lost: it is not started again, which would leave a hole in it.
func TestPartialCleaned(t *testing.T) {
	w := newShared(t)
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	first, err := installtest.Run(t, jobs[:4])
	if err != nil {
		t.Fatal(err)
	}
	inv, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil || len(inv.Partial) <= 25 {
		t.Fatalf("%d, %v", len(inv.Partial), err)
	}
	gone := inv.Partial // in more directories than may fail
	for _, name := range gone {
		if err := os.Remove(filepath.Join(w.cache.Dir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := installtest.Run(t, jobs[4:])
	out.Add(first)
	if err != nil || out.Counts != (install.Counts{Restored: len(w.contents) - len(gone), Unwritten: len(gone)}) || len(out.Damages) != 0 || len(out.Losses) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if got, _ := w.here(t); len(got) != len(w.contents)-len(gone) {
		t.Errorf("%d outputs", len(got))
	}
}

// TestSharedVerify: Verify finds an output that does not match its name, whether it lies in one
// frame, in several, or is empty. Each is counted once, and the other outputs are restored.
func TestSharedVerify(t *testing.T) {
	for _, wrong := range []int{0, 5, 11, 6} { // empty, in one frame, in several, a program
		w := newShared(t)
		w.kind.Verify = true
		w.manifest.Outputs[wrong].ID[31] ^= 1
		env := installtest.NewEnv(t, w.store, nil)
		jobs, _ := w.begin(t, env)
		out, err := runAll(t.Context(), jobs, 5)
		if err != nil || out.Counts != (install.Counts{Restored: len(w.contents) - 1, Refused: 1}) {
			t.Errorf("%d: %+v, %v", wrong, out, err)
		}
		if len(out.Losses) != 1 || !strings.HasSuffix(out.Losses[0].Reason, "is not what it is named by") {
			t.Errorf("%d: %+v", wrong, out.Losses)
		}
		if got, _ := w.here(t); len(got) != len(w.contents)-1 || slices.Contains(got, wrong) {
			t.Errorf("%d: %v", wrong, got)
		}
	}
}

// TestSharedDisk: an output whose file cannot be created is counted once, however many frames it
// has; a full disk ends all writing to the cache.
func TestSharedDisk(t *testing.T) {
	w := newShared(t)
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	id := digest.ID(w.manifest.Outputs[11].ID).String()
	shard := filepath.Join(w.cache.Dir(), id[:2])
	lost := 0
	for _, o := range w.manifest.Outputs {
		if o.ID[0] == w.manifest.Outputs[11].ID[0] {
			lost++
		}
	}
	if err := errors.Join(os.Remove(shard), os.WriteFile(shard, nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	out, err := runAll(t.Context(), jobs, 1)
	if err != nil || out.Counts != (install.Counts{Restored: len(w.contents) - lost, Unwritten: lost}) || len(out.Losses) != 1 {
		t.Errorf("%+v, %v; want %d lost", out, err, lost)
	}
	in := &installer{env: env, place: w.kind.Place, manifest: w.manifest, actions: indexActions(w.manifest, make([]bool, len(w.manifest.Actions))), assembly: newAssembly(w.cache, w.manifest)}
	wr := &writer{in: in, out: new(install.Outcome)}
	full := &fs.PathError{Op: "write", Path: "x", Err: osfiletest.FullDisk}
	p := new(progress)
	if there, err := wr.ended(11, p, full); there || !install.IsLocal(err) || p.stage != over {
		t.Errorf("a full disk is tolerated: %v", err)
	}
	// This error matches fs.ErrExist, but no output is there.
	notEmpty := &fs.PathError{Op: "rename", Path: "x", Err: syscall.ENOTEMPTY}
	if there, err := wr.ended(11, new(progress), notEmpty); there || err != nil {
		t.Errorf("an output that is not there gets entries: %t, %v", there, err)
	}
	if _, err := wr.ended(11, p, &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}); err != nil {
		t.Errorf("%v", err)
	}
}

// TestManyParts: an output can have more extents in one frame than one system call takes, and
// another can consist of such extents except for a few bytes.
func TestManyParts(t *testing.T) {
	w := newShared(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), frameBytes/16)
	packed := contenttest.Pack(w.store, content, []byte("more"), []byte("list"))
	packed.Chunks = 1
	w.manifest.Packs = []snapshot.Pack{packed}
	w.manifest.Outputs, w.manifest.Actions, w.contents = nil, nil, nil
	for i := range 2 {
		var extents []snapshot.Extent
		var want []byte
		for n := range 2*maxParts + 7 {
			e := snapshot.Extent{Off: int32(n % 100), Len: int32(1 + n%16)}
			if i == 1 && n == maxParts+3 {
				e = snapshot.Extent{Frame: 1, Len: 4}
				want = append(want, "more"...)
			} else {
				want = append(want, content[e.Off:e.Off+e.Len]...)
			}
			extents = append(extents, e)
		}
		w.contents = append(w.contents, want)
		w.manifest.Outputs = append(w.manifest.Outputs, snapshot.Output{ID: sha256.Sum256(want), Size: int64(len(want)), Extents: extents})
		w.manifest.Actions = append(w.manifest.Actions, snapshot.Action{ID: contenttest.ID(byte(i)), Output: i})
	}
	for _, verify := range []bool{false, true} {
		w.cache = buildcache.Open(filepath.Join(t.TempDir(), fmt.Sprint(verify)))
		w.kind.Cache, w.kind.Verify = w.cache, verify
		if out, err := w.run(t); err != nil || out.Counts.Restored != 2 {
			t.Errorf("%+v, %v", out, err)
		}
		if got, _ := w.here(t); len(got) != 2 {
			t.Errorf("%v", got)
		}
	}
}
