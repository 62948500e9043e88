package modules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

var sampleVersion = module.Version{Path: "example.com/Sample", Version: "v1.0.0"}

// sampleFiles are the members of the sample's object.
var sampleFiles = []contenttest.File{
	{Name: "cache/download/example.com/!sample/@v/v1.0.0.info", Content: `{"Version":"v1.0.0"}`},
	{Name: "cache/download/example.com/!sample/@v/v1.0.0.mod", Content: "module example.com/Sample\n"},
	{Name: "example.com/!sample@v1.0.0/a.go", Content: "package sample\n"},
	{Name: "example.com/!sample@v1.0.0/b/c.txt", Content: ""},
	{Name: "example.com/!sample@v1.0.0/large", Content: strings.Repeat("0123456789", 20<<10)},
}

func sampleSum() string {
	var h modcache.TreeHash
	for _, f := range sampleFiles[2:] {
		rel, _ := strings.CutPrefix(f.Name, "example.com/!sample@v1.0.0/")
		h.Add("example.com/Sample@v1.0.0/"+rel, sha256.Sum256([]byte(f.Content)))
	}
	return h.Sum()
}

func sampleSize() (n int64) {
	for _, f := range sampleFiles[2:] {
		n += int64(len(f.Content))
	}
	return n
}

func sample() Fetch {
	return Fetch{Wanted: Wanted{
		Version: sampleVersion, Sum: sampleSum(), Objects: []string{"first", "second"}, Bytes: sampleSize(), Files: 3, Listed: true,
	}}
}

// world is a module cache and a store.
type world struct {
	cache *modcache.Cache
	store *contenttest.Store
	kind  Restore
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { osfile.RemoveAll(dir) }) // some directories are read-only
	c := modcache.Open(dir, modcache.Options{})
	return world{c, new(contenttest.Store), Restore{Cache: c, Place: install.NewPlace("module cache")}}
}

func (w world) run(t *testing.T, list ...Fetch) (install.Outcome, error) {
	t.Helper()
	env := installtest.NewEnv(t, w.store, w.cache)
	close(env.TreesDone)
	jobs, out := w.kind.Begin(t.Context(), env, Jobs{Fetch: list})
	done, err := installtest.Run(t, jobs)
	out.Add(done)
	return out, err
}

// TestRestore: in whichever way a module is unpacked, the cache has all of it afterwards, or none.
func TestRestore(t *testing.T) {
	whole := contenttest.Framed(contenttest.Tar(t, sampleFiles...), 64<<10)
	swapped := contenttest.Framed(contenttest.Tar(t, append(sampleFiles[:2:2], contenttest.File{Name: "example.com/!sample@v1.0.0/a.go", Content: "package evil\n"})...), 64<<10)
	foreign := contenttest.Framed(contenttest.Tar(t, contenttest.File{Name: "example.com/other@v1.0.0/a.go", Content: ""}), 64<<10)
	for name, c := range map[string]struct {
		first, second []byte
		change        func(*Fetch)
		counts        install.Counts
		reason        string // of the loss
		damaged       bool
		reads         int
	}{
		"serial":                 {first: whole, counts: install.Counts{Restored: 1}, reads: 1},
		"parallel":               {first: whole, change: func(f *Fetch) { f.Bytes = 0 }, counts: install.Counts{Restored: 1}, reads: 1},
		"zip":                    {first: whole, change: func(f *Fetch) { f.Zip = true }, counts: install.Counts{Restored: 1}, reads: 1},
		"in parallel ranges":     {first: whole, change: func(f *Fetch) { f.Size = bigModule }, counts: install.Counts{Restored: 1}, reads: 1},
		"in the second scope":    {second: whole, counts: install.Counts{Restored: 1}, reads: 2},
		"missing":                {counts: install.Counts{Missing: 1}, reason: "object not found", damaged: true, reads: 2},
		"missing, unlisted":      {change: func(f *Fetch) { f.Listed = false }, counts: install.Counts{Missing: 1}, reads: 2},
		"missing, no scope":      {change: func(f *Fetch) { f.Listed, f.Objects = false, nil }, counts: install.Counts{Missing: 1}},
		"cut off":                {first: whole[:len(whole)/2], counts: install.Counts{Refused: 1}, reason: "EOF", damaged: true, reads: 2},
		"cut off, parallel":      {first: whole[:len(whole)/2], change: func(f *Fetch) { f.Bytes = 0 }, counts: install.Counts{Refused: 1}, reason: "EOF", damaged: true, reads: 2},
		"other content":          {first: swapped, counts: install.Counts{Refused: 1}, reason: "sum", damaged: true, reads: 2},
		"file of another module": {first: foreign, counts: install.Counts{Refused: 1}, reason: "does not belong to the module", damaged: true, reads: 2},
		"more than announced":    {first: whole, change: func(f *Fetch) { f.Files = 1 }, counts: install.Counts{Refused: 1}, reason: "more than 1 files", damaged: true, reads: 2},
		"junk":                   {first: []byte("<html>"), counts: install.Counts{Refused: 1}, reason: "EOF", damaged: true, reads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newWorld(t), sample()
			w.store.Set("first", c.first)
			w.store.Set("second", c.second)
			if c.change != nil {
				c.change(&f)
			}
			out, err := w.run(t, f)
			if err != nil {
				t.Fatal(err)
			}
			if out.Counts != c.counts || len(w.store.Reads()) != c.reads {
				t.Errorf("%+v after %q, want %+v after %d reads", out, w.store.Reads(), c.counts, c.reads)
			}
			if (len(out.Losses) > 0) != (c.reason != "") || len(out.Losses) > 1 || c.reason != "" && !strings.Contains(out.Losses[0].Reason, c.reason) {
				t.Errorf("losses are %+v, want %q", out.Losses, c.reason)
			}
			if (len(out.Damages) == 1) != c.damaged {
				t.Errorf("damages are %+v", out.Damages)
			}
			m := w.cache.Stat(sampleVersion)
			if here := m.State == modcache.Complete && m.Sum == sampleSum(); here != (c.counts.Restored == 1) {
				t.Errorf("the module is %+v", m)
			}
			if m.HasZip != f.Zip {
				t.Errorf("has zip: %v", m.HasZip)
			}
		})
	}
}

// TestReadTwice: bytes that were only wrong in transit are read a second time, and nothing is lost.
func TestReadTwice(t *testing.T) {
	w := newWorld(t)
	object := contenttest.Framed(contenttest.Tar(t, sampleFiles...), 64<<10)
	w.store.Set("first", object)
	w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
		if len(w.store.Reads()) == 1 {
			body = bytes.Clone(body)
			body[len(body)/2] ^= 1
		}
		return body, nil
	}
	if out, err := w.run(t, sample()); err != nil || out.Counts.Restored != 1 || len(out.Losses)+len(out.Damages) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestStoreFails: a failure of the store ends the restore, with an error that names the object.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	w.store.Set("first", []byte("x"))
	w.store.OnOpen = func(context.Context, string, []byte) ([]byte, error) { return nil, store.ErrUnreachable }
	out, err := w.run(t, sample())
	if !errors.Is(err, store.ErrUnreachable) || err.Error() != "object first: store does not answer" || out.Counts != (install.Counts{}) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestSettle: each way in which a job can end is counted and reported as it should be.
func TestSettle(t *testing.T) {
	locked := &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
	disk := &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}
	for name, c := range map[string]struct {
		err    error
		counts install.Counts
		kind   string
		mends  bool
	}{
		"here meanwhile": {err: fs.ErrExist, counts: install.Counts{Present: 1}},
		"go command":     {err: modcache.ErrBusy, counts: install.Counts{Present: 1}},
		"locked":         {err: install.Classify(locked), counts: install.Counts{Unwritten: 1}, kind: install.KindLocked},
		"disk":           {err: install.Classify(fmt.Errorf("installing it: %w", disk)), counts: install.Counts{Unwritten: 1}, kind: install.KindDisk},
		"unchecked":      {err: errUnchecked, counts: install.Counts{Refused: 1}, kind: install.KindRefused},
		"content":        {err: snapshot.ErrCorrupt, counts: install.Counts{Refused: 1}, kind: install.KindRefused, mends: true},
	} {
		var out install.Outcome
		in := &installer{env: &install.Env{Locked: new(install.Locked)}, place: install.NewPlace("module cache")}
		if err := in.settle(&out, sample().Wanted, opened{object: "object"}, c.err); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if out.Counts != c.counts || (len(out.Damages) > 0) != c.mends || (len(out.Losses) > 0) != (c.kind != "") {
			t.Errorf("%s: %+v", name, out)
		}
		if c.kind != "" && out.Losses[0].Kind != c.kind {
			t.Errorf("%s: %+v", name, out.Losses)
		}
		if len(out.Warnings) != 0 {
			t.Errorf("%s: %q", name, out.Warnings)
		}
		if name == "disk" && out.Losses[0].Reason != "open x: permission denied" {
			t.Errorf("%s: %+v", name, out.Losses)
		}
	}
}

// TestUnpackEnds: several goroutines that unpack a module end with the context of the restore.
func TestUnpackEnds(t *testing.T) {
	w, f := newWorld(t), sample()
	f.Bytes = 0
	env := installtest.NewEnv(t, w.store, w.cache)
	in := &installer{env: env, place: w.kind.Place}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	src := contenttest.Stream(bytes.NewReader(contenttest.Framed(contenttest.Tar(t, sampleFiles...), 1<<10)))
	if err := in.unpack(ctx, f, &opened{Source: src}, nil, new(install.Outcome)); !errors.Is(err, reason) || !store.IsFailure(err) || strings.Count(err.Error(), "enough") != 1 {
		t.Errorf("%v", err)
	}
	if m := w.cache.Stat(sampleVersion); m.HasTree {
		t.Errorf("%+v", m)
	}
}

// checker is a checksum database with one answer.
type checker struct{ err error }

func (c checker) Check(module.Version, string, string) error { return c.err }

// TestProof: a module that go.sum does not name has to be confirmed by the checksum database.
func TestProof(t *testing.T) {
	for name, c := range map[string]struct {
		answer   error
		always   bool
		restored bool
		warns    bool
		reason   string
	}{
		"right":               {restored: true},
		"wrong":               {answer: checksumdb.ErrRefused, reason: checksumdb.ErrRefused.Error()},
		"not covered":         {answer: checksumdb.ErrNotCovered, restored: true},
		"not covered, always": {answer: checksumdb.ErrNotCovered, always: true, restored: true},
		"down":                {answer: checksumdb.ErrUnavailable, restored: true, warns: true},
		"down, always":        {answer: checksumdb.ErrUnavailable, always: true, reason: "not in go.sum, and not checked"},
	} {
		w := newWorld(t)
		w.store.Set("first", contenttest.Framed(contenttest.Tar(t, sampleFiles...), 64<<10))
		w.kind.Check = func(context.Context, *modcache.Stage) (Checker, bool) { return checker{c.answer}, c.always }
		f := sample()
		f.Unproven = true
		out, err := w.run(t, f, f)
		if err != nil {
			t.Fatal(err)
		}
		// The second one is already there, or is refused as well.
		if (out.Counts.Restored+out.Counts.Present == 2) != c.restored || (out.Counts.Refused == 2) == c.restored {
			t.Errorf("%s: %+v", name, out)
		}
		if (len(out.Warnings) == 1) != c.warns {
			t.Errorf("%s: warnings %q", name, out.Warnings)
		}
		if c.reason != "" && (len(out.Losses) != 2 || !strings.Contains(out.Losses[0].Reason, c.reason)) {
			t.Errorf("%s: %+v", name, out.Losses)
		}
		if !c.restored && len(w.store.Reads()) != 2 {
			t.Errorf("%s: read again: %q", name, w.store.Reads())
		}
	}
}

// TestProofWaits: the checksum database is asked only after the trees are restored, since they
// bring answers of it, and not about modules that go.sum names.
func TestProofWaits(t *testing.T) {
	trees := make(chan struct{})
	p := &proof{checker: checker{}, trees: trees}
	if err := p.check(t.Context(), Wanted{}, nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.check(ctx, Wanted{Unproven: true}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the check did not wait: %v", err)
	}
	reason := errors.New("enough")
	cut, end := context.WithCancelCause(t.Context())
	end(reason)
	if err := p.check(cut, Wanted{Unproven: true}, nil); !errors.Is(err, reason) || !store.IsFailure(err) {
		t.Errorf("cut off while it waited: %v", err)
	}
	close(trees)
	if err := p.check(t.Context(), Wanted{Unproven: true}, nil); err != nil {
		t.Error(err)
	}
	// A missing answer says nothing about the module, even if an answer is required.
	p = &proof{checker: checker{checksumdb.ErrUnavailable}, always: true, trees: trees}
	if err := p.check(cut, Wanted{Unproven: true}, nil); !store.IsFailure(err) {
		t.Errorf("cut off while it asked: %v", err)
	}
}

// TestCompare: Compare measures a module if the manifest says how large it should be, and compares
// a broken tree with its hash.
func TestCompare(t *testing.T) {
	w := newWorld(t)
	w.store.Set("first", contenttest.Framed(contenttest.Tar(t, sampleFiles...), 64<<10))
	if out, err := w.run(t, sample()); err != nil || out.Counts.Restored != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	rec := snapshot.Module{Path: sampleVersion.Path, Version: sampleVersion.Version, Sum: sampleSum(), Object: "first", Bytes: sampleSize()}
	absent := snapshot.Module{Path: "example.com/absent", Version: "v1.0.0", Sum: h1("a"), Object: "x", Bytes: 1}
	look := func() State {
		t.Helper()
		here, err := w.kind.Compare(t.Context(), manifest(rec, absent))
		if err != nil || len(here) != 2 || here[version("example.com/absent")].Complete {
			t.Fatalf("%+v, %v", here, err)
		}
		return here[sampleVersion]
	}
	if s := look(); s != (State{Complete: true, Sum: sampleSum(), Bytes: sampleSize()}) {
		t.Errorf("%+v", s)
	}
	tree := filepath.Join(w.cache.Dir(), "example.com", "!sample@v1.0.0")
	if err := os.Chmod(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "notes.orig"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.Bytes != sampleSize()+1 || s.Deviation != "does not belong there: notes.orig" {
		t.Errorf("%+v", s)
	}
	// The plan that follows from this replaces the tree.
	here, _ := w.kind.Compare(t.Context(), manifest(rec))
	p := w.kind.Plan(manifest(rec), here)
	if got := short(p.Fetch); !slices.Equal(got, []string{"example.com/Sample listed unproven replace"}) && !slices.Equal(got, []string{"Sample listed unproven replace"}) {
		t.Fatalf("%q", got)
	}
	if out, err := w.run(t, p.Fetch...); err != nil || out.Counts.Restored != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if s := look(); s.Bytes != sampleSize() || s.Deviation != "" {
		t.Errorf("%+v", s)
	}
}

// TestCompareEnds: measuring many modules ends with the context.
func TestCompareEnds(t *testing.T) {
	w := newWorld(t)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := w.kind.Compare(ctx, manifest(record("a", false), record("b", false))); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// FuzzUnpack unpacks any archive as a module. Whatever it holds, nothing may appear outside the
// cache, no part of a module may appear in it, and no partial file may remain.
func FuzzUnpack(f *testing.F) {
	small := sampleFiles[:4]
	f.Add(uint16(1<<15), true, contenttest.Tar(f, small...))
	f.Add(uint16(100), false, contenttest.Tar(f, append(small[:3:3], contenttest.File{Name: "../x", Content: "x"})...))
	f.Add(uint16(1<<15), true, contenttest.Tar(f, small[2]))
	root := f.TempDir()
	var h modcache.TreeHash
	h.Add("example.com/Sample@v1.0.0/a.go", sha256.Sum256([]byte(small[2].Content)))
	h.Add("example.com/Sample@v1.0.0/b/c.txt", sha256.Sum256(nil))
	f.Fuzz(func(t *testing.T, frame uint16, serial bool, archive []byte) {
		if len(archive) > 1<<20 {
			t.Skip()
		}
		c := modcache.Open(filepath.Join(root, "mod"), modcache.Options{Writable: true})
		env := installtest.NewEnv(t, nil, c)
		in := &installer{env: env, place: install.NewPlace("module cache")}
		want := Fetch{Wanted: Wanted{Version: sampleVersion, Sum: h.Sum()}}
		if serial {
			want.Bytes = 1 << 10
		}
		src := contenttest.Stream(bytes.NewReader(contenttest.Framed(archive, int(frame)+1)))
		err := in.unpack(t.Context(), want, &opened{Source: src}, nil, new(install.Outcome))
		if install.IsLocal(err) {
			t.Errorf("bytes of an object cause an error of the disk: %v", err)
		}
		if err := env.Stage.Close(); err != nil {
			t.Fatal(err)
		}
		if list, _ := os.ReadDir(root); len(list) > 1 {
			t.Errorf("%v was created", list)
		}
		if _, stat := os.Lstat(filepath.Join(root, "mod", "example.com")); (stat == nil) != (err == nil) {
			t.Errorf("the module is there: %v; %v", stat == nil, err)
		}
		if err := osfile.RemoveAll(filepath.Join(root, "mod")); err != nil {
			t.Fatal(err)
		}
	})
}
