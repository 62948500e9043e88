package paths

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// file returns a stored file of the manifest of TestPlan.
func file(name string, pack int, size int64) snapshot.PathFile {
	return snapshot.PathFile{Name: name, Pack: pack, Size: size}
}

func TestPlan(t *testing.T) {
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{{Object: "p0", Size: 100}, {Object: "p1", Size: 200}, {Object: "p2", Size: 400}},
		Paths: []snapshot.PathFiles{
			{Name: "lint", Files: []snapshot.PathFile{file("a", 1, 1), file("b", 0, 2), file("c", 1, 4)}},
			{Name: "other", Files: []snapshot.PathFile{file("x", 2, 8)}},
		},
	}
	lint, other, none := extradir.Path{Name: "lint", Dir: "/lint"}, extradir.Path{Name: "other", Dir: "/other"}, extradir.Path{Name: "none"}
	for name, c := range map[string]struct {
		m       *snapshot.Manifest
		paths   []extradir.Path
		here    State
		want    []string // path, pack, files
		present int
		stored  int64
	}{
		"no snapshot":  {new(snapshot.Manifest), []extradir.Path{lint}, nil, nil, 0, 0},
		"none asked":   {m, nil, nil, nil, 0, 0},
		"not stored":   {m, []extradir.Path{none}, State{"none": nil}, nil, 0, 0},
		"nothing here": {m, []extradir.Path{lint}, nil, []string{"lint p1 [a c] 5", "lint p0 [b] 2"}, 0, 300},
		"both":         {m, []extradir.Path{other, lint}, nil, []string{"other p2 [x] 8", "lint p1 [a c] 5", "lint p0 [b] 2"}, 0, 700},
		"some here":    {m, []extradir.Path{lint}, State{"lint": {true, false, false}}, []string{"lint p0 [b] 2", "lint p1 [c] 4"}, 1, 300},
		"a pack less":  {m, []extradir.Path{lint}, State{"lint": {false, true, false}}, []string{"lint p1 [a c] 5"}, 1, 200},
		"all here":     {m, []extradir.Path{lint, other}, State{"lint": {true, true, true}, "other": {true}}, nil, 4, 0},
	} {
		p := Plan(c.m, c.paths, c.here)
		var got []string
		for _, r := range p.Reads {
			var names []string
			for _, f := range r.Files {
				names = append(names, f.Name)
			}
			got = append(got, fmt.Sprint(r.Path.Name, " ", r.In.Object, " ", names, " ", r.Bytes))
		}
		s := p.Summary()
		if !reflect.DeepEqual(got, c.want) || p.Present != c.present || s.Known.Counts.Present != c.present || s.Stored != c.stored || len(s.Packs) != len(c.want) {
			t.Errorf("%s: %q, %+v", name, got, s)
		}
		if int64(s.Fetch) != s.Files {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// world is a directory, and a store with the files of sample in one pack.
type world struct {
	path     extradir.Path
	store    *contenttest.Store
	manifest *snapshot.Manifest
	kind     Restore
}

var sample = []contenttest.File{{Name: "a", Content: "A"}, {Name: "d/b", Content: ""}, {Name: "d/e/run", Content: "#!/bin/sh\n"}}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{path: extradir.Path{Name: "p", Dir: filepath.Join(t.TempDir(), "path")}, store: new(contenttest.Store)}
	w.kind = Restore{Paths: []extradir.Path{w.path}, Places: map[string]*install.Place{"p": install.NewPlace("path p")}}
	w.manifest = &snapshot.Manifest{Paths: []snapshot.PathFiles{{Name: "p", Files: records()}}}
	w.stores(t, sample...)
	return w
}

// records returns the manifest's records of the sample.
func records() (list []snapshot.PathFile) {
	for _, f := range sample {
		list = append(list, snapshot.PathFile{
			Name: f.Name, Size: int64(len(f.Content)), Sum: contenttest.Sum(f.Content), Exec: strings.HasSuffix(f.Name, "run"), LastUse: time.Now().Unix(),
		})
	}
	return list
}

// stores replaces the pack with one of these files.
func (w world) stores(t *testing.T, files ...contenttest.File) {
	t.Helper()
	w.manifest.Packs = []snapshot.Pack{contenttest.Pack(w.store, contenttest.Tar(t, files...))}
}

func (w world) run(t *testing.T) (install.Outcome, error) {
	t.Helper()
	p, err := install.Bind(w.kind)(t.Context(), w.manifest)
	if err != nil {
		t.Fatal(err)
	}
	jobs, out := p.Begin(t.Context(), installtest.NewEnv(t, w.store, nil))
	out.Add(p.Known)
	done, err := installtest.Run(t, jobs)
	out.Add(done)
	return out, err
}

func (w world) file(name string) string { return filepath.Join(w.path.Dir, filepath.FromSlash(name)) }

// check compares all files in the directory with those wanted.
func (w world) check(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(w.path.Dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(w.path.Dir, full)
		data, err := os.ReadFile(full)
		got[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil && len(want) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
}

func all() map[string]string {
	m := map[string]string{}
	for _, f := range sample {
		m[f.Name] = f.Content
	}
	return m
}

// TestRestore: files are restored once, aged and with their execute bits.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	if out, err := w.run(t); err != nil || out.Counts != (install.Counts{Restored: 3}) || len(out.Losses) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.check(t, all())
	info, err := os.Stat(w.file("d/e/run"))
	if err != nil || runtime.GOOS != "windows" && info.Mode()&0o100 == 0 || time.Since(info.ModTime()) < 2*time.Hour {
		t.Errorf("%v, %v", info, err)
	}
	if out, err := w.run(t); err != nil || out.Counts != (install.Counts{Present: 3}) || len(w.store.Reads()) != 1 {
		t.Errorf("again: %+v, %v", out, err)
	}
}

// TestLeavesAlone: a file that already exists under its name is not changed.
func TestLeavesAlone(t *testing.T) {
	w := newWorld(t)
	if err := os.MkdirAll(w.path.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file("a"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	want := all()
	want["a"] = "mine"
	if out, err := w.run(t); err != nil || out.Counts != (install.Counts{Restored: 2, Present: 1}) {
		t.Errorf("%+v, %v", out, err)
	}
	w.check(t, want)
}

// TestDamage: when a pack is damaged, only the files concerned are lost.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		files   []contenttest.File
		change  func(world)
		counts  install.Counts
		reason  string
		damaged bool
		here    []string
		reads   int
	}{
		"missing": {
			files: sample, change: func(w world) { w.store.Set(w.manifest.Packs[0].Object, nil) },
			counts: install.Counts{Missing: 3}, reason: "object not found", damaged: true, reads: 1,
		},
		"flipped": {
			files: sample, change: func(w world) { w.store.Change(w.manifest.Packs[0].Object, 20) },
			counts: install.Counts{Refused: 3}, reason: "frame hash", damaged: true, reads: 2,
		},
		"file missing": {
			files: sample[:2], counts: install.Counts{Restored: 2, Refused: 1}, reason: "1 files of p are not in it",
			damaged: true, here: []string{"a", "d/b"}, reads: 1,
		},
		"other content": {
			files: []contenttest.File{{Name: "a", Content: "X"}, sample[1], sample[2]}, counts: install.Counts{Restored: 2, Refused: 1},
			reason: "1 files of p are not in it", damaged: true, here: []string{"d/b", "d/e/run"}, reads: 1,
		},
		"other size": {
			files: []contenttest.File{{Name: "a", Content: "AA"}, sample[1], sample[2]}, counts: install.Counts{Restored: 2, Refused: 1},
			reason: "1 files of p are not in it", damaged: true, here: []string{"d/b", "d/e/run"}, reads: 1,
		},
		"twice, once wrong": {
			files: append([]contenttest.File{{Name: "a", Content: "X"}}, sample...), counts: install.Counts{Restored: 3},
			here: []string{"a", "d/b", "d/e/run"}, reads: 1,
		},
		"more than is wanted": {
			files: append(sample[:3:3], contenttest.File{Name: "evil", Content: "x"}), counts: install.Counts{Restored: 3},
			here: []string{"a", "d/b", "d/e/run"}, reads: 1,
		},
	} {
		w := newWorld(t)
		w.stores(t, c.files...)
		if c.change != nil {
			c.change(w)
		}
		out, err := w.run(t)
		if err != nil || out.Counts != c.counts || (len(out.Damages) == 1) != c.damaged || len(w.store.Reads()) != c.reads {
			t.Errorf("%s: %+v, %v; %d reads", name, out, err, len(w.store.Reads()))
		}
		if (c.reason != "") != (len(out.Losses) == 1) || c.reason != "" && !strings.Contains(out.Losses[0].Reason, c.reason) {
			t.Errorf("%s: %+v", name, out.Losses)
		}
		want := map[string]string{}
		for _, n := range c.here {
			want[n] = all()[n]
		}
		w.check(t, want)
	}
}

// TestSecondReadIsForTheRest: the read after a damaged one does not install or count any file
// twice.
func TestSecondReadIsForTheRest(t *testing.T) {
	w := newWorld(t)
	archive := contenttest.Tar(t, sample...)
	w.manifest.Packs = []snapshot.Pack{contenttest.Pack(w.store, archive[:1024], archive[1024:])}
	w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
		if len(w.store.Reads()) == 1 {
			body = bytes.Clone(body)
			body[len(body)-1] ^= 1 // in the second frame
		}
		return body, nil
	}
	if out, err := w.run(t); err != nil || out.Counts != (install.Counts{Restored: 3}) || len(out.Losses) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	w.check(t, all())
}

// TestSomethingInPlace: if there is a file where a directory should be, the files below it are
// lost, and the pack is not blamed.
func TestSomethingInPlace(t *testing.T) {
	w := newWorld(t)
	if err := os.MkdirAll(w.path.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file("d"), []byte("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := w.run(t)
	if err != nil || out.Counts != (install.Counts{Restored: 1, Refused: 2}) || len(out.Losses) != 2 || len(out.Damages) != 0 || out.Losses[0].What != "p" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestDiskErrors: errors of the disk name the file or the directory, and not the object.
func TestDiskErrors(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.path.Dir, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := w.run(t)
	if err != nil || len(out.Losses)+len(out.Damages) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	err = w.kind.Places["p"].Result()
	if !install.IsLocal(err) || !strings.HasPrefix(err.Error(), "path p: mkdir "+w.path.Dir) || strings.Contains(err.Error(), "object") {
		t.Errorf("%v", err)
	}

	w = newWorld(t)
	in := &installer{env: installtest.NewEnv(t, w.store, nil), place: w.kind.Places["p"], read: Read{Path: w.path}}
	f := snapshot.PathFile{Name: "d/b"}
	denied := &fs.PathError{Op: "openat", Path: "x", Err: fs.ErrPermission}
	out = install.Outcome{}
	if err := in.settle(f, false, denied, &out); err != nil || out.Counts.Unwritten != 1 || len(out.Losses) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if want := (install.Loss{What: "p: directory d", Reason: "openat x: permission denied", Kind: install.KindDisk}); out.Losses[0] != want {
		t.Errorf("%+v", out.Losses)
	}
	full := &fs.PathError{Op: "write", Path: "x", Err: osfiletest.FullDisk}
	if err := in.settle(f, false, full, &out); !install.IsLocal(err) || !strings.HasPrefix(err.Error(), "file d/b: ") {
		t.Errorf("%v", err)
	}
	locked := &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
	out = install.Outcome{}
	if err := in.settle(f, false, locked, &out); err != nil || out.Counts.Unwritten != 1 || out.Losses[0].Kind != install.KindLocked || out.Losses[0].What != "p: d/b" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestStoreFails: a failure of the store ends the restore, also in the middle of a file.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	w.store.OnOpen = func(context.Context, string, []byte) ([]byte, error) { return nil, store.ErrDenied }
	if _, err := w.run(t); !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), w.manifest.Packs[0].Object) {
		t.Errorf("%v", err)
	}
	in := &installer{env: installtest.NewEnv(t, w.store, nil), place: w.kind.Places["p"], read: Read{Path: w.path}}
	broken := fmt.Errorf("%w: %w", store.ErrUnreachable, &fs.PathError{Op: "read", Path: "socket", Err: fs.ErrClosed})
	if err := in.settle(snapshot.PathFile{}, false, broken, new(install.Outcome)); !errors.Is(err, store.ErrUnreachable) || install.IsLocal(err) {
		t.Errorf("%v counts as a failure of the disk", err)
	}
}

// TestCompareEnds: looking for many files ends with the context.
func TestCompareEnds(t *testing.T) {
	w := newWorld(t)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := Compare(ctx, w.manifest, w.kind.Paths); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// FuzzUnpack unpacks any archive into a directory. Only files with the right hash may appear, and
// nothing outside the directory.
func FuzzUnpack(f *testing.F) {
	f.Add(uint16(1<<15), contenttest.Tar(f, sample...))
	f.Add(uint16(100), contenttest.Tar(f, contenttest.File{Name: "a", Content: "B"}, contenttest.File{Name: "../a", Content: "A"}))
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, frame uint16, archive []byte) {
		if len(archive) > 1<<20 {
			t.Skip()
		}
		in := &installer{
			env: installtest.NewEnv(t, nil, nil), place: install.NewPlace("path p"),
			read: Read{Path: extradir.Path{Name: "p", Dir: filepath.Join(root, "path")}},
		}
		wanted := map[string]snapshot.PathFile{}
		for _, r := range records() {
			wanted[r.Name] = r
		}
		object := contenttest.Stream(bytes.NewReader(contenttest.Framed(archive, int(frame)+1)))
		if err := in.unpack(object, wanted, new(install.Outcome)); install.IsLocal(err) {
			t.Errorf("bytes of an object cause an error of the disk: %v", err)
		}
		left := all()
		for name := range wanted {
			delete(left, name)
		}
		world{path: in.read.Path}.check(t, left)
		if list, _ := os.ReadDir(root); len(list) > 1 {
			t.Errorf("%v was created", list)
		}
		if err := osfile.RemoveAll(in.read.Path.Dir); err != nil {
			t.Fatal(err)
		}
	})
}
