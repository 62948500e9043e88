package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// pathMachine runs jobs that restore directories besides the two caches, work with them, and save,
// with a clock of its own.
type pathMachine struct {
	t     testing.TB
	st    store.Store
	paths []extradir.Path
	saved *save.Result
	got   *restore.Result
	with  func(*save.Options)
}

func newPathMachine(t testing.TB, st store.Store, names ...string) *pathMachine {
	m := &pathMachine{t: t, st: st}
	for _, n := range names {
		m.paths = append(m.paths, extradir.Path{Name: n, Dir: filepath.Join(t.TempDir(), n)})
	}
	return m
}

// job runs a job that starts with empty directories.
func (m *pathMachine) job(at time.Time, work func()) {
	m.t.Helper()
	for _, p := range m.paths {
		e2etest.Must(m.t, os.RemoveAll(p.Dir))
	}
	var err error
	k := e2etest.SomePlan(m.t)
	m.got, err = restore.Run(context.Background(), restore.Options{Store: m.st, Repo: "r", Scope: e2etest.MainScope, Keys: k, Paths: m.paths, Now: func() time.Time { return at }})
	e2etest.Must(m.t, err)
	work()
	o := save.Options{Store: m.st, Repo: "r", Scope: e2etest.MainScope, Keys: k, Paths: m.paths, State: &m.got.State, MaxAge: 14 * 24 * time.Hour, Now: func() time.Time { return at.Add(10 * time.Minute) }}
	if m.with != nil {
		m.with(&o)
	}
	m.saved, err = save.Run(context.Background(), o)
	e2etest.Must(m.t, err)
}

// put writes a file as a program would at this time.
func (m *pathMachine) put(path int, name, content string, at time.Time) {
	m.t.Helper()
	file := filepath.Join(m.paths[path].Dir, name)
	e2etest.Must(m.t, os.MkdirAll(filepath.Dir(file), 0o755))
	e2etest.Must(m.t, os.WriteFile(file, []byte(content), 0o644))
	e2etest.Must(m.t, os.Chtimes(file, at, at))
}

// files returns the contents of all files in the directories.
func (m *pathMachine) files() map[string]string {
	all := map[string]string{}
	for _, p := range m.paths {
		list, err := extradir.Scan(context.Background(), p.Dir, func(name string, err error) { m.t.Error(name, err) })
		e2etest.Must(m.t, err)
		for _, f := range list {
			data, err := os.ReadFile(filepath.Join(p.Dir, f.Name))
			e2etest.Must(m.t, err)
			all[p.Name+":"+f.Name] = string(data)
		}
	}
	return all
}

func nothing() {}

// TestPaths: two directories are restored as they were, including empty files. A second save writes
// nothing, one after a change writes only that change, and what other jobs stored besides is kept.
func TestPaths(t *testing.T) {
	for name, st := range e2etest.Stores(t) {
		t.Run(name, func(t *testing.T) {
			m := newPathMachine(t, st, "one", "two")
			m.job(epoch, func() {
				for i := range 300 {
					m.put(0, fmt.Sprintf("%02d/file%d", i%7, i), strings.Repeat(fmt.Sprint(i), i), epoch)
				}
				// larger than a frame, and than a group of files
				m.put(1, "large", strings.Repeat("0123456789abcdef", 4<<20), epoch)
				m.put(1, "empty", "", epoch)
			})
			before := m.files()
			if r := m.saved; r.Files.Uploaded != 302 || r.Packs.Uploaded != 3 || len(r.Warnings) > 0 {
				t.Fatalf("first save: %+v", r)
			}
			at := epoch.Add(time.Hour)
			m.job(at, nothing)
			if got := m.files(); !maps.Equal(got, before) || m.got.Files.Restored != 302 {
				t.Errorf("restored %d of %d files: %+v", len(got), len(before), m.got)
			}
			if m.saved.Written || m.saved.BytesUploaded > 0 {
				t.Errorf("second save: %+v", m.saved)
			}
			m.job(at.Add(time.Hour), func() { m.put(0, "00/file7", "changed", at.Add(time.Hour)) })
			if m.saved.Files.Uploaded != 1 || m.saved.BytesUploaded > 100<<10 {
				t.Errorf("save of a change: %+v", m.saved)
			}
			m.paths = m.paths[:1]
			m.job(at.Add(2*time.Hour), nothing)
			if got := m.files()["one:00/file7"]; got != "changed" || m.saved.Written {
				t.Errorf("content is %q; written: %v", got, m.saved.Written)
			}
		})
	}
}

// TestPathsAge: a file that was not used within the maximum age is dropped. Any kind of use keeps a
// file: writing it again, setting its time as copies of the go command's cache do, or reading it. A
// failed job drops nothing.
func TestPathsAge(t *testing.T) {
	m := newPathMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")), "one")
	m.job(epoch, func() {
		for _, name := range []string{"marked", "unused", "written"} {
			m.put(0, name, name, epoch)
		}
	})
	names := func() []string { return slices.Sorted(maps.Keys(m.files())) }
	for day := 1; day <= 16; day++ {
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		m.with = func(o *save.Options) { o.JobFailed = day == 14 }
		m.job(at, func() {
			m.put(0, "written", fmt.Sprint(day), at)
			e2etest.Must(t, os.Chtimes(filepath.Join(m.paths[0].Dir, "marked"), at, at))
		})
		want := 3
		if day > 14 {
			want = 2
		}
		if stored := m.saved.Files.Stored + m.saved.Files.Uploaded; stored != want {
			t.Fatalf("day %d: %d files are stored, want %d: %+v", day, stored, want, m.saved.Files)
		}
	}
	m.job(epoch.Add(17*24*time.Hour), nothing)
	if got := names(); !slices.Equal(got, []string{"one:marked", "one:written"}) {
		t.Errorf("left: %q", got)
	}
}

// TestPathsSmall: a file that changes with every job leaves dead bytes in its packs, which are
// therefore repacked.
func TestPathsSmall(t *testing.T) {
	m := newPathMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")), "one")
	for i := range 60 {
		at := epoch.Add(time.Duration(i) * time.Hour)
		m.job(at, func() {
			if i == 0 {
				m.put(0, "kept", strings.Repeat("k", 10_000), at)
			}
			m.put(0, "state.db", strings.Repeat(fmt.Sprint(i, " "), 3000), at)
			m.put(0, fmt.Sprint("new", i%40), fmt.Sprint(i), at)
		})
	}
	raw, packs := int64(0), m.stored().Packs
	for _, p := range packs {
		raw += p.Raw
	}
	if live := int64(10_000 + 9000 + 80); len(packs) > 40 || raw > 2*live+2000 {
		t.Errorf("%d packs hold %d bytes, of which about %d are live", len(packs), raw, live)
	}
	want := m.files()
	m.job(epoch.Add(70*time.Hour), nothing)
	if got := m.files(); !maps.Equal(got, want) || len(got) != 42 {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

func (m *pathMachine) stored() *snapshot.Manifest { return (&machine{t: m.t, st: m.st}).stored() }

// TestPathsConcurrent: when several jobs save the same key at once, no file is lost.
func TestPathsConcurrent(t *testing.T) {
	st := e2etest.S3Store(t)
	const n = 6
	var all sync.WaitGroup
	for i := range n {
		m := newPathMachine(t, st, "one")
		all.Go(func() {
			m.job(epoch, func() {
				m.put(0, fmt.Sprint("own", i), "x", epoch)
				m.put(0, "same", fmt.Sprint(i), epoch)
			})
		})
	}
	all.Wait()
	m := newPathMachine(t, st, "one")
	m.job(epoch.Add(time.Hour), nothing)
	if got := m.files(); len(got) != n+1 {
		t.Errorf("files %q", slices.Sorted(maps.Keys(got)))
	}
}

// TestPathsDamage: after a flipped bit, only the files in that pack are lost, and the next save
// repairs the store.
func TestPathsDamage(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	m := newPathMachine(t, e2etest.DirStore(t, root), "one", "two")
	fill := func() {
		m.put(0, "a", "a", epoch)
		m.put(1, "b", "b", epoch)
	}
	m.job(epoch, fill)
	pack := m.stored().Packs[m.stored().Paths[0].Files[0].Pack].Object
	e2etest.ChangeObject(t, root, pack, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	m.job(epoch.Add(time.Hour), func() {
		if got := m.files(); len(got) != 1 || m.got.Files.Restored != 1 || m.got.Files.Refused != 1 || !e2etest.Names(m.got.Losses, pack) {
			t.Errorf("restored %q: %+v", got, m.got)
		}
		fill()
	})
	m.job(epoch.Add(2*time.Hour), nothing)
	if got := m.files(); len(got) != 2 || len(m.got.Losses) > 0 {
		t.Errorf("after the save that repairs: %q, %+v", got, m.got)
	}
}
