package modules

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

var (
	alpha = module.Version{Path: "example.com/alpha", Version: "v1.0.0"}
	beta  = module.Version{Path: "example.com/beta", Version: "v1.2.0"}
	tool  = module.Version{Path: "private.example/tool", Version: "v0.1.0"}
)

// machine is a module cache with three versions, with the input of a scan.
type machine struct {
	dir  string
	sums map[module.Version]string // of the trees
	env  collect.Env
	o    ScanOptions
	warn *collecttest.Warnings
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	w := &machine{dir: t.TempDir(), sums: map[module.Version]string{}, warn: new(collecttest.Warnings)}
	for _, v := range []module.Version{alpha, beta, tool} {
		w.sums[v] = collecttest.GoModule(t, w.dir, v, map[string]string{"go.mod": "module " + v.Path + "\n", "a.go": "package a // " + v.Path, "sub/b.go": "package b"})
	}
	unread := new(Unread)
	w.env = collect.Env{Stock: collect.NewStock(nil, nil), Start: time.Now(), Warn: w.warn.Warn}
	w.o = ScanOptions{
		Cache: modcache.Open(w.dir, modcache.Options{Unread: unread.Add}), Unread: unread, Repo: "r", Scope: "s", Private: "private.example",
		Keys: keys.Plan{Key: keys.Key{Name: "n", Digest: "d"}, Sums: keys.Sums{Zip: map[module.Version]string{alpha: w.sums[alpha], beta: w.sums[beta]}}},
	}
	return w
}

// used makes a version one that came and was read at that time.
func (w *machine) used(t *testing.T, v module.Version, at time.Time) {
	t.Helper()
	tree := filepath.Join(w.dir, filepath.FromSlash(v.Path)+"@"+v.Version)
	for _, f := range []string{"a.go", "sub/b.go", "go.mod"} {
		collecttest.Used(t, filepath.Join(tree, f), at)
	}
	collecttest.Used(t, filepath.Join(w.dir, "cache/download", v.Path, "@v", v.Version+".ziphash"), at)
}

func (w *machine) scan(t *testing.T) Found {
	t.Helper()
	f, _, err := Scan(t.Context(), w.env, w.o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// records returns the records of a scan by version.
func (f Found) records() map[module.Version]localModule {
	all := map[module.Version]localModule{}
	for _, m := range f.Local.list {
		all[m.version()] = m
	}
	return all
}

// stocked adds a snapshot to the stock that has what a scan found.
func (w *machine) stocked(f Found, lastUse int64, change func(*snapshot.Manifest)) {
	m := &snapshot.Manifest{Digest: "d"}
	for _, x := range f.Local.list {
		x.rec.LastUse = lastUse
		m.Modules = append(m.Modules, x.rec)
	}
	slices.SortFunc(m.Modules, func(a, b snapshot.Module) int { return strings.Compare(a.Path, b.Path) })
	if change != nil {
		change(m)
	}
	w.env.Stock = collect.NewStock([]*snapshot.Manifest{m}, nil)
}

// TestScan: each complete version gets a record, which names its object; objects of private modules
// lie below the scope.
func TestScan(t *testing.T) {
	w := newMachine(t)
	all := w.scan(t).records()
	if len(all) != 3 || len(*w.warn) > 0 {
		t.Fatalf("%+v, %q", all, *w.warn)
	}
	for v, m := range all {
		wantFiles, wantBytes, err := w.o.Cache.Measure(v)
		if err != nil || m.rec.Sum != w.sums[v] || m.rec.Files != wantFiles || m.rec.Bytes != wantBytes || !strings.HasPrefix(m.rec.ModSum, "h1:") {
			t.Errorf("%s: %+v, %v", v, m.rec, err)
		}
		if m.stored || m.rec.InSum != (v != tool) || m.private != (v == tool) {
			t.Errorf("%s: %+v", v, m)
		}
		if shared := strings.HasPrefix(m.rec.Object, "v2/modules/"); shared == m.private {
			t.Errorf("%s is stored as %s", v, m.rec.Object)
		}
	}
}

// TestScanLeavesOut: a scan leaves out versions that go.sum contradicts, incomplete ones, and
// toolchains if they are not wanted.
func TestScanLeavesOut(t *testing.T) {
	toolchain := module.Version{Path: modcache.Toolchain, Version: "v0.0.1-go1.26.1.linux-amd64"}
	for name, c := range map[string]struct {
		change  func(*testing.T, *machine)
		want    int
		skipped int
		warning string
	}{
		"all are right":         {func(*testing.T, *machine) {}, 3, 0, ""},
		"go.sum says otherwise": {func(_ *testing.T, w *machine) { w.o.Keys.Sums.Zip[alpha] = "h1:other" }, 2, 1, "go.sum says h1:other"},
		"no .mod": {func(t *testing.T, w *machine) {
			os.Remove(filepath.Join(w.dir, "cache/download/example.com/alpha/@v/v1.0.0.mod"))
		}, 2, 0, ""},
		"interrupted": {func(t *testing.T, w *machine) {
			collecttest.Write(t, filepath.Join(w.dir, "cache/download/example.com/alpha/@v/v1.0.0.partial"), "")
		}, 2, 0, ""},
		"a link in a tree": {func(t *testing.T, w *machine) {
			if err := os.Symlink("a.go", filepath.Join(w.dir, "example.com/alpha@v1.0.0/link.go")); err != nil {
				t.Skip(err)
			}
		}, 2, 1, "let the go command make it anew"},
		"a toolchain": {func(t *testing.T, w *machine) {
			collecttest.GoModule(t, w.dir, toolchain, map[string]string{"VERSION": "go1.26.1"})
		}, 4, 0, ""},
		"a toolchain, not wanted": {func(t *testing.T, w *machine) {
			collecttest.GoModule(t, w.dir, toolchain, map[string]string{"VERSION": "go1.26.1"})
			w.o.NoToolchains = true
		}, 3, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMachine(t)
			c.change(t, w)
			f := w.scan(t)
			if len(f.Local.list) != c.want || f.Skipped != c.skipped || !w.warn.Mention(c.warning) {
				t.Errorf("%d modules, %d skipped, %q", len(f.Local.list), f.Skipped, *w.warn)
			}
		})
	}
}

// TestScanStored: a version that a snapshot has with the same hash keeps its record, except for the
// last use.
func TestScanStored(t *testing.T) {
	w := newMachine(t)
	first := w.scan(t)
	w.stocked(first, 5, func(m *snapshot.Manifest) { m.Modules[0].Size, m.Modules[1].Sum = 777, "h1:other" })
	all := w.scan(t).records()
	if a := all[alpha]; !a.stored || a.rec.Size != 777 || a.rec.LastUse <= 5 {
		t.Errorf("stored: %+v", a)
	}
	if b := all[beta]; b.stored || b.rec.Sum != w.sums[beta] {
		t.Errorf("stored with another hash: %+v", b)
	}
}

// TestUse: modules that provide packages are in use; for the others, the last use is taken from the
// times of files.
func TestUse(t *testing.T) {
	w := newMachine(t)
	old := w.env.Start.Add(-300 * time.Hour).Truncate(time.Second)
	for _, v := range []module.Version{alpha, beta, tool} {
		w.used(t, v, old)
	}
	first := w.scan(t) // without a go command, modules that go.sum names are in use
	for v, m := range first.records() {
		if used := m.rec.LastUse == w.env.Start.Unix(); used != (v != tool) {
			t.Errorf("%s: %s", v, w.env.Start.Sub(time.Unix(m.rec.LastUse, 0)))
		}
	}
	if m := first.records()[tool]; m.rec.LastUse != old.Unix() {
		t.Errorf("the last use of the tool should be the time of its files: %d", m.rec.LastUse)
	}
	asked := 0
	w.o.Use = func(context.Context) (map[module.Version]bool, error) {
		asked++
		return map[module.Version]bool{beta: true}, nil
	}
	w.stocked(first, w.env.Start.Add(-400*time.Hour).Unix(), nil)
	w.env.State = &jobstate.State{Time: w.env.Start.Add(-time.Hour)}
	f := w.scan(t)
	for v, m := range f.records() {
		if used := m.rec.LastUse == w.env.Start.Unix(); used != (v == beta) {
			t.Errorf("%s, according to the go command: %s", v, w.env.Start.Sub(time.Unix(m.rec.LastUse, 0)))
		}
	}
	if asked != 1 || !f.Asked.Equal(w.env.Start) {
		t.Errorf("asked %d times, at %s", asked, f.Asked)
	}
	w.o.Use = func(context.Context) (map[module.Version]bool, error) { return nil, errors.New("no go command") }
	if used := w.scan(t).records()[alpha].rec.LastUse; used != w.env.Start.Unix() || !w.warn.Mention("what go.sum names is kept: no go command") {
		t.Errorf("without a go command: %d, %q", used, *w.warn)
	}
}

func (w *machine) lookedUp(t *testing.T) {
	t.Helper()
	collecttest.Write(t, filepath.Join(w.dir, "cache/download/sumdb/sum.golang.org/lookup", tool.Path+"@"+tool.Version), "1\n")
}

// TestForeign: a module that was here before the job and was not used by it is of another project,
// unless go.sum or a snapshot names it. Where no restore tells when the job began, all is saved.
func TestForeign(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *machine)
		want   int
		reads  bool // the file system has to record them
	}{
		"neither made nor used": {change: func(*testing.T, *machine) {}, want: 1},
		"no restore":            {func(_ *testing.T, w *machine) { w.env.State = nil }, 0, false},
		"in go.sum":             {func(_ *testing.T, w *machine) { w.o.Keys.Sums.Zip[tool] = w.sums[tool] }, 0, false},
		"provides a package": {func(_ *testing.T, w *machine) {
			w.o.Use = func(context.Context) (map[module.Version]bool, error) {
				return map[module.Version]bool{tool: true}, nil
			}
		}, 0, false},
		"in a snapshot": {func(t *testing.T, w *machine) {
			state := w.env.State
			w.env.State = nil
			all := w.scan(t)
			w.env.State = state
			w.stocked(all, w.env.Start.Add(-400*time.Hour).Unix(), nil)
		}, 0, false},
		"came": {func(t *testing.T, w *machine) {
			collecttest.Used(t, filepath.Join(w.dir, "cache/download", tool.Path, "@v", tool.Version+".ziphash"), w.env.Start.Add(-time.Minute))
		}, 0, false},
		"read": {func(t *testing.T, w *machine) {
			file := filepath.Join(w.dir, tool.Path+"@"+tool.Version, "a.go")
			if err := os.Chtimes(file, w.env.Start.Add(-time.Minute), w.env.Start.Add(-30*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, 0, true},
		"came just before": {func(t *testing.T, w *machine) { w.used(t, tool, w.env.State.Time.Add(-10*time.Second)) }, 0, false},
		"came, and may be private to another project": {func(t *testing.T, w *machine) {
			w.used(t, tool, w.env.Start)
			w.o.Foreign = func(v module.Version) bool { return v == tool }
		}, 1, false},
		"used today, perhaps by another project, and the checksum database knows it": {func(t *testing.T, w *machine) {
			w.used(t, tool, w.env.Start.Add(-10*time.Hour))
			w.lookedUp(t)
		}, 0, true},
		"not used for long, and the checksum database knows it": {func(t *testing.T, w *machine) { w.lookedUp(t) }, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMachine(t)
			if c.reads && !w.o.Cache.RecordsReads() {
				t.Skip("the file system does not record reads")
			}
			for v := range w.sums {
				w.used(t, v, w.env.Start.Add(-30*time.Hour))
			}
			w.env.State = &jobstate.State{Time: w.env.Start.Add(-time.Hour)}
			c.change(t, w)
			f := w.scan(t)
			if f.Foreign != c.want || len(f.Local.list) != 3-c.want || c.want == 1 && f.Local.Versions()[tool] {
				t.Errorf("%d foreign, %v", f.Foreign, f.Local.Versions())
			}
		})
	}
}

// TestWhenToAsk: the go command is asked only if its answer is not known and could change
// something.
func TestWhenToAsk(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		asked   time.Duration // ago, for the snapshot; 0: never
		use     time.Duration // of its modules, ago
		arrived time.Duration // of the trees, ago
		bounded bool
		maxAge  time.Duration
		want    bool
		began   time.Duration // the job, ago; 0: not known
	}{
		"all is new":            {0, 0, hour, false, 0, false, 0},
		"new with the job":      {0, 0, hour, false, 0, false, hour},
		"new before the job":    {0, 0, 3 * hour, false, 0, true, hour},
		"not all is new":        {0, 0, 30 * hour, false, 0, true, 0},
		"bounded":               {0, 0, hour, true, 0, true, 0},
		"just asked":            {hour, hour, hour, false, 0, false, 0},
		"asked long ago":        {25 * hour, hour, hour, false, 0, true, 0},
		"asked in the future":   {-25 * hour, hour, hour, false, 0, true, 0},
		"one is about to leave": {hour, 100 * hour, hour, false, 120 * hour, true, 0},
		"none is about to":      {hour, 90 * hour, hour, false, 120 * hour, false, 0},
	} {
		w := newMachine(t)
		first := w.scan(t)
		if c.began != 0 {
			w.env.State = &jobstate.State{Time: w.env.Start.Add(-c.began)}
		}
		if c.asked != 0 {
			w.stocked(first, w.env.Start.Add(-c.use).Unix(), func(m *snapshot.Manifest) { m.UseAsked = w.env.Start.Add(-c.asked) })
		}
		for v := range w.sums {
			w.used(t, v, w.env.Start.Add(-c.arrived))
		}
		asked := false
		w.o.Bounded, w.o.MaxAge = c.bounded, c.maxAge
		w.o.Use = func(context.Context) (map[module.Version]bool, error) { asked = true; return nil, nil }
		f := w.scan(t)
		if asked != c.want {
			t.Errorf("%s: asked %v", name, asked)
		}
		if want := w.env.Start; c.want && !f.Asked.Equal(want) || !c.want && c.asked != 0 && !f.Asked.Equal(want.Add(-c.asked)) {
			t.Errorf("%s: asked at %s", name, f.Asked)
		}
	}
}

// TestAdviseZips: only "go mod download" makes zips of restored modules, so a save that finds some
// gives advice.
func TestAdviseZips(t *testing.T) {
	for name, c := range map[string]struct {
		state *jobstate.State
		zip   bool
		want  string
	}{
		"no restore":  {nil, true, ""},
		"a miss":      {&jobstate.State{}, true, ""},
		"no zips":     {&jobstate.State{Matched: &jobstate.Matched{}}, false, ""},
		"zips":        {&jobstate.State{Matched: &jobstate.Matched{}}, true, "zips of 1 module"},
		"made by us":  {&jobstate.State{Matched: &jobstate.Matched{}, ZipsRebuilt: true}, true, ""},
		"from before": {&jobstate.State{Matched: &jobstate.Matched{}, Time: time.Now().Add(time.Hour)}, true, ""},
	} {
		w := newMachine(t)
		w.stocked(w.scan(t), 5, nil)
		if c.zip {
			collecttest.Write(t, filepath.Join(w.dir, "cache/download/example.com/alpha/@v/v1.0.0.zip"), "zip")
		}
		w.env.State = c.state
		w.scan(t)
		if !w.warn.Mention(c.want) {
			t.Errorf("%s: %q", name, *w.warn)
		}
	}
}

// TestUnread: each unreadable directory is reported once, whichever scan finds it.
func TestUnread(t *testing.T) {
	u := new(Unread)
	u.Add("a", errors.New("permission denied"))
	u.Add("b", errors.New("permission denied"))
	first := u.Take(nil)
	if len(first) != 2 || first[0].Error() != "a: permission denied" {
		t.Errorf("%v", first)
	}
	u.Add("b", errors.New("permission denied"))
	u.Add("c", errors.New("permission denied"))
	if more := u.Take(first); len(more) != 1 || more[0].Error() != "c: permission denied" {
		t.Errorf("%v", more)
	}
	if rest := u.Take(nil); rest != nil {
		t.Errorf("%v", rest)
	}
}

// TestScanCancelled: a scan ends with its context, also while it asks the go command.
func TestScanCancelled(t *testing.T) {
	why := errors.New("time is up")
	for _, bounded := range []bool{false, true} {
		w := newMachine(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		if w.o.Bounded = bounded; !bounded {
			cancel(why)
		}
		w.o.Use = func(context.Context) (map[module.Version]bool, error) { cancel(why); return nil, ctx.Err() }
		if _, _, err := Scan(ctx, w.env, w.o); !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
			t.Errorf("bounded %v: %v", bounded, err)
		}
		cancel(nil)
	}
}

// write makes the object of a version, and reads its members.
func (w *machine) write(t *testing.T, v module.Version) (map[string]string, int64, error) {
	t.Helper()
	m := w.scan(t).records()[v]
	l := Local{cache: w.o.Cache}
	var buf bytes.Buffer
	var read int64
	sw := snapshot.NewModuleWriter(&buf)
	_, err := l.job(m).Write(t.Context(), sw, collect.Note{Wrote: func(n int64) { read += n }, Warn: w.warn.Warn})
	if _, closeErr := sw.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, read, err
	}
	members := map[string]string{}
	r := snapshot.NewReader(snapshot.StreamModule(&buf), nil, nil)
	defer r.Close()
	for {
		m, err := r.Next()
		if err == io.EOF {
			return members, read, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		members[m.Name] = string(data)
	}
}

// TestWrite: an object has all files of a version. No object is made of a tree that does not match
// its hash, and the error names the offending files and says what to do.
func TestWrite(t *testing.T) {
	large := strings.Repeat("large ", fileBuffer/5)
	for name, c := range map[string]struct {
		change func(*testing.T, string)
		want   string // in the error
	}{
		"whole": {func(*testing.T, string) {}, ""},
		"another byte": {func(t *testing.T, tree string) {
			collecttest.Write(t, filepath.Join(tree, "a.go"), "PACKAGE a // example.com/alpha")
		}, "let the go command make it anew"},
		"one more": {func(t *testing.T, tree string) { collecttest.Write(t, filepath.Join(tree, "c.go"), "package c") }, "let the go command make it anew"},
		"one less": {func(t *testing.T, tree string) { os.Remove(filepath.Join(tree, "a.go")) }, "let the go command make it anew"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMachine(t)
			tree := filepath.Join(w.dir, "example.com/alpha@v1.0.0")
			collecttest.Write(t, filepath.Join(tree, "large.txt"), large)
			w.sums[alpha] = collecttest.GoModule(t, w.dir, alpha, nil)
			w.o.Keys.Sums.Zip[alpha] = w.sums[alpha]
			c.change(t, tree)
			members, read, err := w.write(t, alpha)
			if c.want != "" {
				if !collect.IsUnfit(err) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), w.sums[alpha]) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || len(members) != 7 || members["example.com/alpha@v1.0.0/large.txt"] != large || members["cache/download/example.com/alpha/@v/v1.0.0.ziphash"] != w.sums[alpha] {
				t.Errorf("%d members, %v", len(members), err)
			}
			var size int64
			for _, data := range members {
				size += int64(len(data))
			}
			if read != size {
				t.Errorf("%d bytes read of %d", read, size)
			}
		})
	}
}

// TestWriteCancelled: writing ends between two files.
func TestWriteCancelled(t *testing.T) {
	w := newMachine(t)
	l := w.scan(t).Local
	why := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	sw := snapshot.NewModuleWriter(io.Discard)
	defer sw.Close()
	_, err := l.job(l.list[0]).Write(ctx, sw, collect.Note{Wrote: func(int64) { cancel(why) }})
	if !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}

// TestFilesThatChange: an error because a file has another size than before is distinguished from a
// failure of the upload.
func TestFilesThatChange(t *testing.T) {
	broken := errors.New("broken pipe")
	big := strings.Repeat("0123456789", snapshot.FrameSize/5)
	for name, c := range map[string]struct {
		data  string
		size  int
		dst   io.Writer
		unfit bool
	}{
		"as it was": {"12345", 5, io.Discard, false}, "shorter": {"1234", 5, io.Discard, true}, "longer": {"123456", 5, io.Discard, true},
		"large": {big, len(big), io.Discard, false}, "large, shorter": {big[1:], len(big), io.Discard, true}, "large, upload fails": {big, len(big), failing{broken}, false},
	} {
		w := snapshot.NewModuleWriter(c.dst)
		m := snapshot.Member{Name: "x", Mode: 0o644, Size: int64(c.size)}
		var err error
		if c.size < fileBuffer {
			_, err = addSmall(w, m, strings.NewReader(c.data))
		} else {
			_, err = addLarge(w, m, strings.NewReader(c.data))
		}
		w.Close()
		if collect.IsUnfit(err) != c.unfit || (err != nil) != (c.unfit || c.dst != io.Discard) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
