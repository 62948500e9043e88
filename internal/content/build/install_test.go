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
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// world is a build cache, and a store with one pack of three frames: outputs 0 and 1 lie in the
// first, 2 extends over all of them, 3 lies in the last. Output 1 has two actions, the others one.
type world struct {
	cache    *buildcache.Cache
	store    *contenttest.Store
	kind     Restore
	manifest *snapshot.Manifest
	contents [][]byte
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{cache: buildcache.Open(filepath.Join(t.TempDir(), "build")), store: new(contenttest.Store)}
	w.kind = Restore{Cache: w.cache, Place: install.NewPlace("build cache"), PartSize: 1 << 20, Scanning: func(int64) {}}
	random := rand.New(rand.NewPCG(1, 2))
	make := func(n int) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		return data
	}
	w.contents = [][]byte{make(100), make(300), make(2000), make(500)}
	long := w.contents[2]
	w.manifest = &snapshot.Manifest{Packs: []snapshot.Pack{contenttest.Pack(w.store,
		slices.Concat([]byte("head"), w.contents[0], w.contents[1], long[:600]), long[600:1600], slices.Concat(long[1600:], w.contents[3]),
		[]byte("the list of chunks"))}}
	w.manifest.Packs[0].Chunks = 1
	for i, extents := range [][]snapshot.Extent{
		{{Off: 4, Len: 100}}, {{Off: 104, Len: 300}},
		{{Off: 404, Len: 600}, {Frame: 1, Len: 1000}, {Frame: 2, Len: 400}}, {{Frame: 2, Off: 400, Len: 500}},
	} {
		w.manifest.Outputs = append(w.manifest.Outputs, snapshot.Output{
			ID: sha256.Sum256(w.contents[i]), Size: int64(len(w.contents[i])), Extents: extents,
		})
	}
	for i, out := range []int{0, 1, 1, 2, 3} {
		w.manifest.Actions = append(w.manifest.Actions, snapshot.Action{ID: contenttest.ID(byte(i)), Output: out, Time: int64(i) + 1, LastUse: int64(i)})
	}
	return w
}

// run compares, plans and restores.
func (w world) run(t *testing.T) (install.Outcome, error) {
	t.Helper()
	p, err := install.Bind(w.kind)(t.Context(), w.manifest)
	if err != nil {
		t.Fatal(err)
	}
	env := installtest.NewEnv(t, w.store, nil)
	jobs, out := p.Begin(t.Context(), env)
	out.Add(p.Known)
	done, err := installtest.Run(t, jobs)
	out.Add(done)
	env.End()
	return out, err
}

// file returns the path of output i.
func (w world) file(i int) string {
	id := digest.ID(w.manifest.Outputs[i].ID).String()
	return filepath.Join(w.cache.Dir(), id[:2], id+"-d", w.manifest.Outputs[i].Exec)
}

// here returns the manifest's outputs that are in the cache, after checking all their bytes, and
// the number of entries. It fails the test if any other, partial or broken output is there.
func (w world) here(t *testing.T) (outputs []int, entries int) {
	t.Helper()
	inv, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range w.manifest.Outputs {
		if _, ok := inv.Output(o.ID); !ok {
			continue
		}
		if data, err := os.ReadFile(w.file(i)); err != nil || !bytes.Equal(data, w.contents[i]) {
			t.Errorf("output %d has %d bytes, %v", i, len(data), err)
		}
		outputs = append(outputs, i)
	}
	if len(inv.Outputs) != len(outputs) || len(inv.Partial)+len(inv.Broken) > 0 {
		t.Errorf("%d outputs here, partial %q, broken %+v", len(inv.Outputs), inv.Partial, inv.Broken)
	}
	return outputs, len(inv.Entries)
}

// TestRestore: everything in the manifest is restored and aged, and a second restore reads nothing.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 5}) || len(out.Losses) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if outputs, entries := w.here(t); len(outputs) != 4 || entries != 5 {
		t.Errorf("outputs %v, %d entries", outputs, entries)
	}
	if info, err := os.Stat(w.file(1)); err != nil || time.Since(info.ModTime()) < 2*time.Hour {
		t.Errorf("the output looks used: %v, %v", info.ModTime(), err)
	}
	reads := len(w.store.Reads())
	if out, err = w.run(t); err != nil || out.Counts != (install.Counts{Present: 5}) || len(w.store.Reads()) != reads {
		t.Errorf("again: %+v, %v, %q", out, err, w.store.Reads()[reads:])
	}
}

// TestPartialDamage: a damaged frame is read twice, and only the outputs that have bytes in it are
// lost.
func TestPartialDamage(t *testing.T) {
	for name, c := range map[string]struct {
		frame   int
		outputs []int
		refused int
	}{
		"first":  {0, []int{3}, 4},
		"middle": {1, []int{0, 1, 3}, 1},
		"last":   {2, []int{0, 1}, 2},
	} {
		w := newWorld(t)
		pack := w.manifest.Packs[0]
		at := 20
		for _, f := range pack.Frames[:c.frame] {
			at += int(f.Size)
		}
		w.store.Change(pack.Object, at)
		out, err := w.run(t)
		if err != nil || out.Counts != (install.Counts{Restored: 5 - c.refused, Refused: c.refused}) {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if len(out.Damages) != 1 || out.Damages[0].Frame != c.frame || out.Lost[pack.Object] != install.KindRefused || len(w.store.Reads()) != 2 {
			t.Errorf("%s: %+v, %q", name, out, w.store.Reads())
		}
		if got, entries := w.here(t); !slices.Equal(got, c.outputs) || entries != out.Counts.Restored {
			t.Errorf("%s: outputs %v, want %v; %d entries", name, got, c.outputs, entries)
		}
	}
}

// TestDamagedOnItsWay: if the bytes are right when they are read again, nothing is lost.
func TestDamagedOnItsWay(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
	} {
		w := newWorld(t)
		w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
			if len(w.store.Reads()) == 1 {
				body = spoil(bytes.Clone(body))
			}
			return body, nil
		}
		out, err := w.run(t)
		if err != nil || out.Counts != (install.Counts{Restored: 5}) || len(out.Losses)+len(out.Damages) != 0 {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if outputs, _ := w.here(t); len(outputs) != 4 {
			t.Errorf("%s: %v", name, outputs)
		}
	}
}

// TestMissingPack: a pack that the store does not have counts as missing, and is not an error.
func TestMissingPack(t *testing.T) {
	w := newWorld(t)
	object := w.manifest.Packs[0].Object
	w.store.Set(object, nil)
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Missing: 5}) || out.Lost[object] != install.KindMissing {
		t.Errorf("%+v, %v", out, err)
	}
	if len(out.Losses) != 1 || out.Losses[0].Kind != install.KindMissing || len(out.Damages) != 1 || out.Damages[0].Frame != -1 {
		t.Errorf("%+v", out)
	}
	if outputs, entries := w.here(t); len(outputs)+entries != 0 {
		t.Errorf("%v, %d entries", outputs, entries)
	}
}

// TestPackOfAnotherSize: a pack of another size is reported as damaged, although all outputs in it
// can be restored.
func TestPackOfAnotherSize(t *testing.T) {
	w := newWorld(t)
	w.manifest.Packs[0].Size++
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 5}) || len(out.Damages) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if want := fmt.Sprintf("object has %d bytes, not %d", w.manifest.Packs[0].Size-1, w.manifest.Packs[0].Size); out.Damages[0].Reason != want {
		t.Errorf("%+v", out.Damages)
	}
}

// TestStoreFails: when the store fails, the error names the pack, and nothing counts as restored.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	w.store.OnOpen = func(context.Context, string, []byte) ([]byte, error) { return nil, store.ErrDenied }
	out, err := w.run(t)
	if !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), w.manifest.Packs[0].Object) || out.Counts.Restored != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestVerify: with Verify, an output that does not match its name does not appear in the cache, and
// one that is already there is replaced.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	w.kind.Verify = true
	w.manifest.Outputs[2].ID[31] ^= 1 // a wrong name in the manifest
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 4, Refused: 1}) {
		t.Fatalf("%+v, %v", out, err)
	}
	if len(out.Damages) != 3 || len(out.Losses) != 1 || !strings.HasSuffix(out.Damages[0].Reason, "is not what it is named by") {
		t.Errorf("%+v", out.Damages)
	}
	if outputs, _ := w.here(t); !slices.Equal(outputs, []int{0, 1, 3}) {
		t.Errorf("%v", outputs)
	}
	w = newWorld(t)
	w.kind.Verify = true
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Repeat([]byte("x"), len(w.contents[1]))
	if err := os.WriteFile(w.file(1), wrong, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err = w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 2, Present: 3}) || len(out.Warnings) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if outputs, entries := w.here(t); len(outputs) != 4 || entries != 5 {
		t.Errorf("%v, %d entries", outputs, entries)
	}
}

// TestNotVerified: without Verify, only the sizes of the outputs in the cache are checked.
func TestNotVerified(t *testing.T) {
	w := newWorld(t)
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file(1), bytes.Repeat([]byte("x"), len(w.contents[1])), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := w.run(t); err != nil || out.Counts != (install.Counts{Present: 5}) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestReady: actions whose output is in the cache get their entries without a request.
func TestReady(t *testing.T) {
	w := newWorld(t)
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	for _, i := range []byte{1, 2} {
		id := contenttest.ID(i).String()
		if err := os.Remove(filepath.Join(w.cache.Dir(), id[:2], id+"-a")); err != nil {
			t.Fatal(err)
		}
	}
	reads := len(w.store.Reads())
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 2, Present: 3}) || len(w.store.Reads()) != reads {
		t.Errorf("%+v, %v", out, err)
	}
	if _, entries := w.here(t); entries != 5 {
		t.Errorf("%d entries", entries)
	}
}

// TestAppearedMeanwhile: an output that another process has written since the comparison is left as
// it is, and gets its entries.
func TestAppearedMeanwhile(t *testing.T) {
	w := newWorld(t)
	p := w.kind.Plan(w.manifest, local(nil))
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	jobs, _ := w.kind.Begin(t.Context(), installtest.NewEnv(t, w.store, nil), p)
	if out, err := installtest.Run(t, jobs); err != nil || out.Counts != (install.Counts{Restored: 5}) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestNoDirectory: if the build cache is a file, the restore gives it up before the first job.
func TestNoDirectory(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.cache.Dir(), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	jobs, _ := w.kind.Begin(t.Context(), installtest.NewEnv(t, w.store, nil), w.kind.Plan(w.manifest, local(nil)))
	if len(jobs) != 0 || !install.IsLocal(w.kind.Place.Result()) {
		t.Errorf("%d jobs, %v", len(jobs), w.kind.Place.Result())
	}
}

// TestLockedOutput: a locked output, or one with any other error of its file, loses only its own
// actions.
func TestLockedOutput(t *testing.T) {
	w := newWorld(t)
	in := &installer{
		env: installtest.NewEnv(t, w.store, nil), place: w.kind.Place, manifest: w.manifest,
		actions: indexActions(w.manifest, []bool{true, true, true, true, true}),
	}
	var out install.Outcome
	wr := &writer{in: in, out: &out}
	locked := &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
	if err := wr.failed(1, locked); err != nil || out.Counts.Unwritten != 2 || len(out.Damages) != 0 || out.Losses[0].Kind != install.KindLocked {
		t.Errorf("%+v, %v", out, err)
	}
	denied := &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}
	if err := wr.failed(1, denied); err != nil || out.Counts.Unwritten != 4 || out.Counts.Refused != 0 || out.Losses[1].Kind != install.KindDisk {
		t.Errorf("%+v, %v", out, err)
	}
	if err := wr.failed(1, &fs.PathError{Op: "write", Path: "x", Err: osfiletest.FullDisk}); !install.IsLocal(err) {
		t.Errorf("a full disk is tolerated: %v", err)
	}
}

// TestStuck: a wrong output that cannot be removed is not written again, and its actions are lost.
func TestStuck(t *testing.T) {
	w := newWorld(t)
	p := w.kind.Plan(w.manifest, local(nil))
	if err := w.cache.Prepare(time.Now()); err != nil {
		t.Fatal(err)
	}
	in := &installer{
		env: installtest.NewEnv(t, w.store, nil), cache: w.cache, place: w.kind.Place, manifest: w.manifest, actions: p.actions,
		refs: &p.refs, assembly: newAssembly(w.cache, w.manifest),
		stuck: map[digest.ID]bool{w.manifest.Outputs[1].ID: true},
	}
	out, err := in.read(t.Context(), p.Reads[0], func() {})
	if err != nil || out.Counts != (install.Counts{Restored: 3, Unwritten: 2}) {
		t.Errorf("%+v, %v", out, err)
	}
	if outputs, _ := w.here(t); !slices.Equal(outputs, []int{0, 2, 3}) {
		t.Errorf("%v", outputs)
	}
}

// TestCompareEnds: scanning and hashing end with the context.
func TestCompareEnds(t *testing.T) {
	w := newWorld(t)
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	// cancelled between the scan and the hashing
	_, err := Compare(ctx, w.cache, true, func(bytes int64) {
		if bytes == 0 {
			cancel(reason)
		}
	})
	if !errors.Is(err, reason) || err.Error() != "build cache: enough" {
		t.Errorf("%v", err)
	}
	if _, err := Compare(ctx, w.cache, false, func(int64) {}); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// TestChecksum: bytes that an encoder got wrong are refused, although the manifest has their hash:
// frames have a checksum of their decoded content.
func TestChecksum(t *testing.T) {
	w := newWorld(t)
	object := w.manifest.Packs[0].Object
	frame := contenttest.Frame(bytes.Repeat([]byte("a"), 1000))
	frame[len(frame)-1] ^= 1 // the last bytes are the checksum
	w.store.Set(object, frame)
	content := bytes.Repeat([]byte("a"), 1000)
	w.manifest = &snapshot.Manifest{
		Packs:   []snapshot.Pack{{Object: object, Size: int64(len(frame)), Frames: []snapshot.Frame{{Size: int64(len(frame)), Raw: 1000, Sum: sha256.Sum256(frame)}}}},
		Outputs: []snapshot.Output{{ID: sha256.Sum256(content), Size: 1000, Extents: []snapshot.Extent{{Len: 1000}}}},
		Actions: []snapshot.Action{{ID: contenttest.ID(1)}},
	}
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Refused: 1}) || len(out.Damages) != 1 || out.Damages[0].Frame != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}
