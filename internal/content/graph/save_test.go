package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// here returns the trees described by tree lines. Those with a pack other than - are stored.
func here(t testing.TB, text string) (l Local) {
	t.Helper()
	m := collecttest.Manifest(t, text)
	for _, tr := range m.Trees {
		lt := localTree{name: tr.Name, count: tr.Files, bytes: tr.Bytes, sum: tr.Sum}
		if p := m.Packs[tr.Pack]; p.Object != collecttest.Pack("-") {
			lt.pack = &p
		}
		l.trees = append(l.trees, lt)
	}
	l.dates = map[module.Version]int64{}
	for _, g := range m.Graph {
		l.dates[module.Version{Path: g.Path, Version: g.Version}] = g.LastUse
	}
	return l
}

// TestNextSnapshot: local trees replace those of the manifest, and are added to those that another
// save wrote meanwhile.
func TestNextSnapshot(t *testing.T) {
	for name, c := range map[string]struct {
		here, own string
		gone      []string
		meanwhile bool
		maxAge    time.Duration
		want      string
		missing   string
	}{
		"nothing":        {},
		"the first save": {here: "tree fuzz - 3 30 s1\ntree modgraph - 5 50 s2", missing: "the tree fuzz, the tree modgraph"},
		"it is stored":   {here: "tree fuzz p1 3 30 s1", own: "tree fuzz p1 3 30 s1", want: "tree fuzz p1 3 30 s1"},
		"it has changed": {here: "tree fuzz - 3 30 s1", own: "tree fuzz p1 3 30 s9", missing: "the tree fuzz"},
		"uploaded":       {here: "tree fuzz n1 3 30 s1", own: "tree fuzz p1 3 30 s9", want: "tree fuzz n1 3 30 s1"},
		"not here":       {own: "tree fuzz p1 3 30 s9\ntree modgraph p2 1 1 s2", want: "tree fuzz p1 3 30 s9\ntree modgraph p2 1 1 s2"},
		"one of them":    {here: "tree fuzz n1 3 30 s1", own: "tree fuzz p1 1 1 s9\ntree modgraph p2 1 1 s2", want: "tree fuzz n1 3 30 s1\ntree modgraph p2 1 1 s2"},
		"gone":           {own: "tree fuzz p1 3 30 s9\ntree modgraph p2 1 1 s2", gone: []string{"p1"}, want: "tree modgraph p2 1 1 s2"},
		"another save relied on it, and it is gone": {
			here: "tree fuzz n1 3 30 s1", own: "tree fuzz p1 4 40 s9\ntree fuzz p2 4 40 s8", gone: []string{"p1"}, meanwhile: true,
			want: "tree fuzz n1 3 30 s1\ntree fuzz p2 4 40 s8",
		},
		"of several packs":       {own: "tree fuzz p1 3 30 s9\ntree fuzz p2 4 40 s8", want: "tree fuzz p1 3 30 s9\ntree fuzz p2 4 40 s8"},
		"one pack of them":       {here: "tree fuzz n1 7 70 s7", own: "tree fuzz p1 3 30 s9\ntree fuzz p2 4 40 s8", want: "tree fuzz n1 7 70 s7"},
		"another save":           {here: "tree fuzz n1 3 30 s1", own: "tree fuzz p1 4 40 s9", meanwhile: true, want: "tree fuzz n1 3 30 s1\ntree fuzz p1 4 40 s9"},
		"another save, the same": {here: "tree fuzz n1 3 30 s1", own: "tree fuzz n1 3 30 s1", meanwhile: true, want: "tree fuzz n1 3 30 s1"},
		"many saves": {
			here: "tree fuzz n1 3 30 s1", own: "tree fuzz p1 4 40 s9\ntree fuzz p2 4 40 s8\ntree fuzz p3 4 40 s7\ntree fuzz p4 4 40 s6", meanwhile: true,
			want: "tree fuzz n1 3 30 s1\ntree fuzz p1 4 40 s9\ntree fuzz p2 4 40 s8\ntree fuzz p3 4 40 s7",
		},
		"dates":            {here: "graph x.org/a@v1.0.0 use=3h", own: "graph x.org/a@v1.0.0 use=1h\ngraph x.org/b@v1.0.0 use=9h", want: "graph x.org/a@v1.0.0 use=1h\ngraph x.org/b@v1.0.0 use=9h"},
		"dates, one older": {here: "graph x.org/a@v1.0.0 use=1h", own: "graph x.org/a@v1.0.0 use=3h", want: "graph x.org/a@v1.0.0 use=1h"},
		// a day more than for files, so that the clock of another job does not bring them back
		"dates that age": {
			here: "graph x.org/a@v1.0.0 use=71h", own: "graph x.org/b@v1.0.0 use=73h\ngraph x.org/c@v1.0.0 use=1h", maxAge: 48 * time.Hour,
			want: "graph x.org/a@v1.0.0 use=71h\ngraph x.org/c@v1.0.0 use=1h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := collect.Base{Start: collecttest.Now, MaxAge: c.maxAge, Meanwhile: c.meanwhile, Stock: collecttest.Stock(t, c.gone)}
			if c.own != "" {
				base.Own = collecttest.Manifest(t, c.own)
				base.Stock = collecttest.Stock(t, c.gone, c.own)
			}
			l := here(t, c.here)
			k := l.Merge(base).Keep(nil, nil)
			if k.Shares() != nil || k.Stays().Count > 0 || len(l.Merge(base).Items(nil)) > 0 {
				t.Error("trees take part in retention or repacking")
			}
			k.Gone(nil)
			m, b := collecttest.Manifest(t, ""), snapshot.NewBuilder()
			p := k.Place(b, m, map[string]bool{collecttest.Pack("p1"): true})
			b.Build(m)
			collecttest.Compare(t, m, c.want)
			var missing []string
			for _, j := range p.Jobs {
				missing = append(missing, j.What)
			}
			if got := strings.Join(missing, ", "); got != c.missing {
				t.Errorf("missing %q, want %q", got, c.missing)
			}
		})
	}
}

// machine is a module cache and a fuzzing corpus, with the input of a scan.
type machine struct {
	mods, build string
	env         collect.Env
	o           ScanOptions
	warn        *collecttest.Warnings
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	w := &machine{mods: t.TempDir(), build: t.TempDir(), warn: new(collecttest.Warnings)}
	w.version(t, "x.org/a", "v1.0.0", time.Hour)
	w.version(t, "x.org/b", "v1.0.0", 100*time.Hour)
	w.fuzz(t, "fuzz/x.org/FuzzX/1", "seed")
	w.fuzz(t, "fuzz/x.org/FuzzX/2", "other")
	w.env = collect.Env{Stock: collect.NewStock(nil, nil), Start: collecttest.Now, Warn: w.warn.Warn}
	w.o.Modules, w.o.BuildDir, w.o.Oldest = modcache.Open(w.mods, modcache.Options{}), w.build, -1<<62
	return w
}

// version writes the .mod and .info of a version without a tree.
func (w *machine) version(t *testing.T, path, version string, age time.Duration) {
	t.Helper()
	base := filepath.Join(w.mods, "cache", "download", filepath.FromSlash(path), "@v", version)
	collecttest.Write(t, base+".mod", "module "+path+"\n")
	collecttest.Write(t, base+".info", `{"Version":"`+version+`"}`)
	collecttest.Used(t, base+".mod", collecttest.Now.Add(-age))
	collecttest.Used(t, base+".info", collecttest.Now.Add(-age))
}

func (w *machine) fuzz(t *testing.T, name, data string) {
	t.Helper()
	collecttest.Write(t, filepath.Join(w.build, filepath.FromSlash(name)), data)
	w.o.Fuzz = append(w.o.Fuzz, buildcache.File{Name: name, Size: int64(len(data))})
}

func (w *machine) scan(t *testing.T) map[string]localTree {
	t.Helper()
	l, err := Scan(t.Context(), w.env, w.o)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]localTree{}
	for _, tr := range l.trees {
		trees[tr.name] = tr
	}
	return trees
}

// write makes the pack of a tree.
func (w *machine) write(t *testing.T, tr localTree) (collect.Content, map[string]string) {
	t.Helper()
	var buf bytes.Buffer
	sw := snapshot.NewWriter(&buf)
	c, err := tr.job().Write(t.Context(), sw, collect.Note{Wrote: func(int64) {}, Warn: w.warn.Warn})
	frames, closeErr := sw.Close()
	if err = errors.Join(err, closeErr); err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	r := snapshot.NewReader(contenttest.Stream(&buf), frames, nil)
	defer r.Close()
	for {
		m, err := r.Next()
		if err == io.EOF {
			return c, members
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		members[m.Name] = string(data)
	}
}

// stocked adds a snapshot to the stock that has a tree in a pack.
func (w *machine) stocked(name, pack, sum string, files int) {
	m, b := new(snapshot.Manifest), snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: collecttest.Pack(pack), Raw: 1})
	b.AddTree(snapshot.Tree{Name: name, Pack: p, Files: files, Bytes: 7, Sum: sum})
	b.Build(m)
	w.env.Stock = collect.NewStock([]*snapshot.Manifest{m}, nil)
}

// TestScan: a tree with the same files is found in the store by its sum, without being packed; any
// different byte changes the sum.
func TestScan(t *testing.T) {
	w := newMachine(t)
	trees := w.scan(t)
	fuzz, mods := trees[snapshot.TreeFuzz], trees[snapshot.TreeModGraph]
	if fuzz.count != 2 || fuzz.bytes != 9 || mods.count != 4 || fuzz.pack != nil || mods.pack != nil {
		t.Fatalf("%+v", trees)
	}
	w.stocked(snapshot.TreeFuzz, "p1", fuzz.sum, 2)
	again := w.scan(t)[snapshot.TreeFuzz]
	if again.pack == nil || again.pack.Object != collecttest.Pack("p1") || again.bytes != 7 {
		t.Errorf("it is not found: %+v", again)
	}
	collecttest.Write(t, filepath.Join(w.build, "fuzz/x.org/FuzzX/1"), "SEED")
	if again := w.scan(t)[snapshot.TreeFuzz]; again.pack != nil || again.sum == fuzz.sum {
		t.Errorf("another byte makes no difference: %+v", again)
	}
	w.o.Fuzz, w.o.Modules = nil, nil
	if trees := w.scan(t); len(trees) != 0 {
		t.Errorf("with nothing to scan: %+v", trees)
	}
}

// TestFewer: a job with fewer files than the snapshot of its key has not restored the tree, and
// does not save its own. With another key it saves what it has.
func TestFewer(t *testing.T) {
	for name, c := range map[string]struct {
		files  int
		hasOwn bool
		want   bool
	}{
		"fewer": {3, true, false}, "as many": {2, true, true}, "more": {1, true, true}, "of another key": {3, false, true},
	} {
		w := newMachine(t)
		w.stocked(snapshot.TreeFuzz, "p1", collecttest.Hex("s"), c.files)
		w.o.HasOwn = c.hasOwn
		if _, ok := w.scan(t)[snapshot.TreeFuzz]; ok != c.want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

// TestUnreadableFiles: unreadable files are left out of the sum, with a warning, and so is a tree
// of which nothing can be read.
func TestUnreadableFiles(t *testing.T) {
	w := newMachine(t)
	w.o.Modules = nil
	w.fuzz(t, "fuzz/x.org/FuzzX/3", "gone")
	w.fuzz(t, "fuzz/x.org/FuzzX/4", "cut off")
	os.Remove(filepath.Join(w.build, "fuzz/x.org/FuzzX/3"))
	os.Truncate(filepath.Join(w.build, "fuzz/x.org/FuzzX/4"), 2)
	tr := w.scan(t)[snapshot.TreeFuzz]
	if len(*w.warn) != 2 {
		t.Errorf("%q", *w.warn)
	}
	// a plan counts what would be saved
	p := Local{trees: []localTree{tr}}.Merge(collect.Base{Stock: w.env.Stock}).Keep(nil, nil).Place(snapshot.NewBuilder(), new(snapshot.Manifest), nil)
	if p.Missing != 2 || p.Bytes != 9 || len(p.Jobs) != 1 || p.Jobs[0].Files != 2 || p.Jobs[0].Bytes != 9 {
		t.Errorf("planned %+v", p)
	}
	c, members := w.write(t, tr)
	if written := c.Of.(written); written.sum != tr.sum || c.Members != 2 || c.Raw != 9 || members["fuzz/x.org/FuzzX/2"] != "other" {
		t.Errorf("%+v, %v; sum %s", c, members, tr.sum)
	}
	os.RemoveAll(filepath.Join(w.build, "fuzz"))
	if trees := w.scan(t); len(trees) != 0 {
		t.Errorf("nothing can be read: %+v", trees)
	}
}

// TestWriteSum: if files change after the scan, the record of the tree has the sum of what was
// written, so that no other save mistakes it for the scanned tree.
func TestWriteSum(t *testing.T) {
	w := newMachine(t)
	large := strings.Repeat("x", maxHeld+5)
	w.fuzz(t, "fuzz/x.org/FuzzX/large", large)
	tr := w.scan(t)[snapshot.TreeFuzz]
	c, members := w.write(t, tr)
	if w := c.Of.(written); w.sum != tr.sum || w.name != snapshot.TreeFuzz || members["fuzz/x.org/FuzzX/large"] != large {
		t.Errorf("sum %s, written %s", tr.sum, w.sum)
	}
	collecttest.Write(t, filepath.Join(w.build, "fuzz/x.org/FuzzX/1"), "SEED")
	c, members = w.write(t, tr)
	if w := c.Of.(written); w.sum == tr.sum || members["fuzz/x.org/FuzzX/1"] != "SEED" {
		t.Error("the sum is not that of the bytes written")
	}
	pack := snapshot.Pack{Object: collecttest.Pack("n1"), Raw: c.Raw}
	l := Local{trees: []localTree{tr}}
	stored := l.With([]collect.Outcome{{Content: c, Object: pack.Object, Pack: pack}, {}, {Object: "other", Content: collect.Content{Of: 5}}}).(Local)
	if got := stored.trees[0]; got.pack == nil || got.sum != c.Of.(written).sum || got.count != 3 || l.trees[0].pack != nil {
		t.Errorf("%+v", got)
	}
	if got := stored.Without(func(o string) bool { return o == pack.Object }).(Local); got.trees[0].pack != nil || stored.trees[0].pack == nil {
		t.Errorf("without its pack: %+v", got.trees[0])
	}
	os.Truncate(filepath.Join(w.build, "fuzz/x.org/FuzzX/large"), maxHeld+2)
	var torn *collect.TornError
	sw := snapshot.NewWriter(io.Discard)
	defer sw.Close()
	if _, err := tr.write(t.Context(), sw, collect.Note{Wrote: func(int64) {}}); !errors.As(err, &torn) {
		t.Errorf("a large file that shrinks: %v", err)
	}
}

// TestVersionsAge: versions that go.sum or a tree needs are kept; other versions have a date, and
// are dropped when they are too old.
func TestVersionsAge(t *testing.T) {
	a, b := collecttest.Version("x.org/a@v1.0.0"), collecttest.Version("x.org/b@v1.0.0")
	for name, c := range map[string]struct {
		change func(*machine)
		files  int
		dates  map[module.Version]int64
	}{
		"young enough":   {func(*machine) {}, 4, map[module.Version]int64{a: collecttest.Ago(1), b: collecttest.Ago(100)}},
		"one is too old": {func(w *machine) { w.o.Oldest = collecttest.Ago(50) }, 2, map[module.Version]int64{a: collecttest.Ago(1), b: collecttest.Ago(100)}},
		"go.sum needs it": {func(w *machine) {
			w.o.Oldest, w.o.Sums = collecttest.Ago(50), keys.Sums{Mod: map[module.Version]string{b: "h1:x"}}
		}, 4, map[module.Version]int64{a: collecttest.Ago(1)}},
		"its tree is here": {func(w *machine) { w.o.Oldest, w.o.Here = collecttest.Ago(50), map[module.Version]bool{b: true} }, 4, map[module.Version]int64{a: collecttest.Ago(1)}},
		"used by other jobs": {func(w *machine) {
			w.o.Oldest = collecttest.Ago(50)
			w.env.Stock = collecttest.Stock(t, nil, "graph x.org/b@v1.0.0 use=20h")
		}, 4, map[module.Version]int64{a: collecttest.Ago(1), b: collecttest.Ago(20)}},
		"restored": { // then the time of the files says nothing
			func(w *machine) {
				w.env.State = &jobstate.State{}
				w.env.Stock = collecttest.Stock(t, nil, "graph x.org/a@v1.0.0 use=60h")
			}, 4, map[module.Version]int64{a: collecttest.Ago(60), b: collecttest.Ago(100)},
		},
		"perhaps private to another project": {
			func(w *machine) {
				w.o.Foreign = func(v module.Version) bool { return v == a }
			}, 2, map[module.Version]int64{b: collecttest.Ago(100)},
		},
		"in a snapshot, though perhaps private to another project": {
			func(w *machine) {
				w.o.Foreign = func(v module.Version) bool { return v == a }
				w.env.Stock = collecttest.Stock(t, nil, "graph x.org/a@v1.0.0 use=1h")
			}, 4, map[module.Version]int64{a: collecttest.Ago(1), b: collecttest.Ago(100)},
		},
		"of another project": {
			func(w *machine) {
				w.env.State = &jobstate.State{Time: w.env.Start.Add(-2 * time.Hour)}
			}, 2, map[module.Version]int64{a: collecttest.Ago(1)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMachine(t)
			c.change(w)
			l, err := Scan(t.Context(), w.env, w.o)
			if err != nil {
				t.Fatal(err)
			}
			if n := l.trees[0].count; n != c.files {
				t.Errorf("%d files, want %d", n, c.files)
			}
			for v, want := range c.dates {
				if l.dates[v] != want {
					t.Errorf("%s: %d, want %d", v, l.dates[v], want)
				}
			}
			if len(l.dates) != len(c.dates) {
				t.Errorf("dates %v", l.dates)
			}
		})
	}
}

// TestCancelled: scanning and writing end with their context.
func TestCancelled(t *testing.T) {
	why := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	w := newMachine(t)
	tr := w.scan(t)[snapshot.TreeFuzz]
	cancel(why)
	w.o.Modules = nil
	if _, err := Scan(ctx, w.env, w.o); !errors.Is(err, why) {
		t.Errorf("scan: %v", err)
	}
	sw := snapshot.NewWriter(io.Discard)
	defer sw.Close()
	if _, err := tr.write(ctx, sw, collect.Note{}); !errors.Is(err, why) {
		t.Errorf("write: %v", err)
	}
}
