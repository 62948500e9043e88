package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

func TestPays(t *testing.T) {
	for _, c := range []struct {
		shared, tree, base int64
		want               bool
	}{
		{minShared, minShared, minShared, true},
		{minShared - 1, minShared, minShared, false},
		{3 << 20, 4 << 20, 4 << 20, true},
		{3<<20 - 1, 4 << 20, 3 << 20, false},
		{3<<20 - 1, 3 << 20, 4 << 20, false},
		{0, 0, 0, false},
	} {
		if got := pays(c.shared, c.tree, c.base); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestCompareTrees: files that a base has are taken from it, each file of the base once.
func TestCompareTrees(t *testing.T) {
	hash := func(name rune) (f snapshot.FileHash) { f[0] = byte(name); return f }
	for _, c := range []struct {
		files, base, taken, runs string
	}{
		{"abc", "abc", "abc", "[{0 3}]"},
		{"abc", "axbyc", "abc", "[{0 1} {2 1} {4 1}]"},
		{"abc", "xbcy", "bc", "[{1 2}]"},
		{"cba", "abc", "cba", "[{0 3}]"},
		{"abc", "xyz", "", "[]"},
		{"", "abc", "", "[]"},
		{"abc", "", "", "[]"},
		{"aab", "ab", "ab", "[{0 2}]"},
		{"a", "aa", "a", "[{1 1}]"},
	} {
		var files []hashed
		for _, r := range c.files {
			files = append(files, hashed{File: modcache.File{Size: 10}, hash: hash(r)})
		}
		var list []snapshot.FileHash
		for _, r := range c.base {
			list = append(list, hash(r))
		}
		runs, taken, shared := compareTrees(files, list)
		got := ""
		for i, r := range c.files {
			if taken[i] {
				got += string(r)
			}
		}
		if got != c.taken || fmt.Sprint(runs) != c.runs || shared != int64(10*len(c.taken)) {
			t.Errorf("%q in %q: %q, %v, %d bytes", c.files, c.base, got, runs, shared)
		}
	}
}

// TestChooseBases: a version can build upon the one before it and the one after it, of those that
// are whole, sound, and under the same prefix.
func TestChooseBases(t *testing.T) {
	name := func(version string) string {
		return "v2/modules/example.com/m/@v/" + version + "/" + strings.Repeat("0a", 32)
	}
	whole := func(version string) snapshot.Module {
		return snapshot.Module{Path: "example.com/m", Version: version, Object: name(version), Size: 10, Files: 1, Bytes: minShared}
	}
	delta := func(version, base string) snapshot.Module {
		m := whole(version)
		m.Object, m.Base = snapshot.DeltaObject(m.Object), &snapshot.Base{Object: name(base), Size: 20, Files: 2, Bytes: minShared}
		return m
	}
	sized := func(version string, bytes int64) snapshot.Module {
		m := whole(version)
		m.Bytes = bytes
		return m
	}
	scoped := whole("v1.4.0")
	scoped.Object = strings.Replace(scoped.Object, "v2/", "v2/repos/r/s/", 1)
	empty := whole("v1.4.0")
	empty.Files = 0
	other := whole("v1.4.0")
	other.Path = "example.com/m/v2"
	for title, c := range map[string]struct {
		list []snapshot.Module
		gone string
		want string
	}{
		"none":                  {},
		"too small":             {list: []snapshot.Module{whole("v1.2.0"), sized("v1.4.0", minShared-1)}, want: "v1.2.0"},
		"too large":             {list: []snapshot.Module{whole("v1.2.0"), sized("v1.4.0", minShared*100/leastShared+2)}, want: "v1.2.0"},
		"before":                {list: []snapshot.Module{whole("v1.2.0"), whole("v1.4.0"), whole("v1.6.0")}, want: "v1.4.0 v1.6.0"},
		"after":                 {list: []snapshot.Module{whole("v1.6.0"), whole("v1.7.0")}, want: "v1.6.0"},
		"order of versions":     {list: []snapshot.Module{whole("v1.10.0"), whole("v1.4.0"), whole("v1.9.0")}, want: "v1.4.0 v1.9.0"},
		"of a delta":            {list: []snapshot.Module{delta("v1.4.0", "v1.1.0"), whole("v1.6.0")}, want: "v1.1.0 v1.6.0"},
		"another scope":         {list: []snapshot.Module{whole("v1.2.0"), scoped}, want: "v1.2.0"},
		"no files":              {list: []snapshot.Module{whole("v1.2.0"), empty}, want: "v1.2.0"},
		"another module":        {list: []snapshot.Module{other}},
		"itself":                {list: []snapshot.Module{whole("v1.5.0")}},
		"damaged":               {list: []snapshot.Module{whole("v1.2.0"), whole("v1.4.0")}, gone: name("v1.4.0"), want: "v1.2.0"},
		"whole was damaged":     {list: []snapshot.Module{whole("v1.2.0"), whole("v1.5.0")}, gone: name("v1.5.0")},
		"its delta was damaged": {list: []snapshot.Module{whole("v1.2.0"), delta("v1.5.0", "v1.2.0")}, gone: snapshot.DeltaObject(name("v1.5.0"))},
	} {
		bad := collect.Damage{}
		if c.gone != "" {
			bad.Mark(c.gone, -1)
		}
		m := whole("v1.5.0")
		var got []string
		for _, b := range chooseBases(collect.NewStock([]*snapshot.Manifest{{Modules: c.list}}, bad), &m) {
			got = append(got, b.Version())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", title, got, c.want)
		}
	}
}

// upgrade is a module cache with two versions of a module, of which the first is stored whole.
type upgrade struct {
	*machine
	first, second module.Version
	store         *contenttest.Store
	base          snapshot.Base
	list          []snapshot.FileHash
	job           collect.Job
}

func newUpgrade(t *testing.T) *upgrade {
	t.Helper()
	files := map[string]string{"go.mod": "module example.com/lib\n", "same.go": strings.Repeat("same ", minShared), "b/same too.go": "package b", "changes.go": "old", "gone.go": "package lib"}
	u := &upgrade{machine: newMachine(t), store: new(contenttest.Store)}
	u.first, u.second = module.Version{Path: "example.com/lib", Version: "v1.0.0"}, module.Version{Path: "example.com/lib", Version: "v1.1.0-RC"}
	u.sums[u.first] = collecttest.GoModule(t, u.dir, u.first, files)
	delete(files, "gone.go")
	files["changes.go"], files["new.go"] = "new", "package lib"
	tree := filepath.Join(u.dir, "example.com/lib@v1.1.0-!r!c")
	for name, data := range files {
		collecttest.Write(t, filepath.Join(tree, name), data)
	}
	// so it is not the same
	if err := os.Chmod(filepath.Join(tree, "b/same too.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	u.addVersion(t, u.second, "v1.1.0-!r!c")
	all := u.scan(t).records()
	m, ok := all[u.second]
	if !ok {
		t.Fatalf("%v, %q", all, *u.warn)
	}
	l := Local{cache: u.o.Cache}
	object := all[u.first]
	data := u.object(t, l.job(object))
	u.base = snapshot.Base{Object: object.rec.Object, Size: int64(len(data)), Files: object.rec.Files, Bytes: object.rec.Bytes}
	off, n := u.base.ListRange()
	var err error
	if u.list, err = snapshot.DecodeFileList(data[off:][:n]); err != nil {
		t.Fatal(err)
	}
	u.job = l.job(m, u.base)
	return u
}

// bases has one before the base with nothing in common, and one behind it with less.
func (u *upgrade) bases() []collect.BaseFiles {
	return []collect.BaseFiles{{Base: u.base, List: make([]snapshot.FileHash, 1)}, {Base: u.base, List: u.list}, {Base: u.base, List: u.list[2:]}}
}

// addVersion makes a tree one that the go command knows.
func (u *upgrade) addVersion(t *testing.T, v module.Version, escaped string) {
	t.Helper()
	var err error
	if u.sums[v], err = treeSum(u.o.Cache, v); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(u.dir, "cache/download", v.Path, "@v", escaped)
	collecttest.Write(t, base+".ziphash", u.sums[v])
	collecttest.Write(t, base+".mod", "module "+v.Path+"\n")
	collecttest.Write(t, base+".info", fmt.Sprintf(`{"Version":%q}`, v.Version))
}

func treeSum(c *modcache.Cache, v module.Version) (string, error) {
	l := Local{cache: c}
	tree, err := l.hashTree(context.Background(), localModule{rec: snapshot.Module{Path: v.Path, Version: v.Version}})
	var h modcache.TreeHash
	for _, f := range tree {
		h.Add(v.String()+"/"+f.rel, f.sum)
	}
	return h.Sum(), err
}

// object makes an object and stores it.
func (u *upgrade) object(t *testing.T, j collect.Job) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := snapshot.NewModuleWriter(&buf)
	if j.Head != nil {
		w = snapshot.NewDeltaWriter(&buf, *j.Head)
	}
	_, err := j.Write(t.Context(), w, collect.Note{Wrote: func(int64) {}, Warn: u.warn.Warn})
	if _, closeErr := w.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	u.store.Set(j.Object, buf.Bytes())
	return buf.Bytes()
}

// TestDeltaRoundTrip: what is stored as a delta is restored as it was, modes included.
func TestDeltaRoundTrip(t *testing.T) {
	u := newUpgrade(t)
	d, err := u.job.Delta(t.Context(), u.bases())
	if err != nil || d == nil {
		t.Fatalf("%+v, %v", d, err)
	}
	if d.Bytes > 1000 || len(d.Head.Runs) < 2 {
		t.Errorf("%d bytes of its own, %+v", d.Bytes, d.Head)
	}
	delta := d.Job(u.job)
	if stored := u.object(t, delta); len(stored) > 2000 {
		t.Errorf("the delta has %d bytes", len(stored))
	}
	for _, parallel := range []bool{false, true} {
		to := t.TempDir()
		t.Cleanup(func() { osfile.RemoveAll(to) })
		c := modcache.Open(to, modcache.Options{})
		w := world{c, u.store, Restore{Cache: c, Place: install.NewPlace("module cache")}}
		f := Fetch{Wanted: Wanted{Version: u.second, Sum: u.sums[u.second], Objects: []string{delta.Object}, Listed: true}}
		if !parallel {
			f.Bytes = u.job.Bytes
		}
		if out, err := w.run(t, f); err != nil || out.Counts.Restored != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		for name, want := range map[string]os.FileMode{"same.go": 0, "b/same too.go": 0o111, "changes.go": 0, "new.go": 0, "go.mod": 0} {
			file := filepath.Join("example.com/lib@v1.1.0-!r!c", name)
			got, err := os.ReadFile(filepath.Join(to, file))
			had, _ := os.ReadFile(filepath.Join(u.dir, file))
			st, statErr := os.Stat(filepath.Join(to, file))
			if err != nil || statErr != nil || !bytes.Equal(got, had) || runtime.GOOS != "windows" && st.Mode()&0o111 != want {
				t.Errorf("%s: %v, %v", name, st, err)
			}
		}
		if _, err := os.Stat(filepath.Join(to, "example.com/lib@v1.1.0-!r!c/gone.go")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("gone.go: %v", err)
		}
	}
}

// TestDeltaChanges: no delta is made of a tree that changes after it was compared, nor one that
// does not pay.
func TestDeltaChanges(t *testing.T) {
	u := newUpgrade(t)
	if d, err := u.job.Delta(t.Context(), []collect.BaseFiles{{Base: u.base, List: u.list[:1]}}); d != nil || err != nil {
		t.Errorf("with little in common: %+v, %v", d, err)
	}
	d, err := u.job.Delta(t.Context(), u.bases())
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	w := snapshot.NewDeltaWriter(new(bytes.Buffer), d.Head)
	defer w.Close()
	if _, err := d.Write(ctx, w, collect.Note{Wrote: func(int64) {}}); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := u.job.Delta(ctx, u.bases()); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	collecttest.Write(t, filepath.Join(u.dir, "example.com/lib@v1.1.0-!r!c/new.go"), "package LIB")
	if _, err := d.Write(t.Context(), w, collect.Note{Wrote: func(int64) {}}); !collect.IsUnfit(err) || !strings.Contains(err.Error(), u.sums[u.second]) {
		t.Errorf("changed: %v", err)
	}
	if err := os.Remove(filepath.Join(u.dir, "example.com/lib@v1.1.0-!r!c/new.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write(t.Context(), w, collect.Note{Wrote: func(int64) {}}); !collect.IsUnfit(err) {
		t.Errorf("gone: %v", err)
	}
}

// TestWithDelta: what was stored as a delta is named with its base, and not at all when either is
// in doubt.
func TestWithDelta(t *testing.T) {
	whole := "v2/modules/example.com/m/@v/v1.1.0/" + strings.Repeat("0a", 32)
	base := snapshot.Base{Object: "v2/modules/example.com/m/@v/v1.0.0/" + strings.Repeat("0a", 32), Size: 1, Files: 1}
	var l collect.Kind = Local{list: []localModule{{rec: snapshot.Module{Path: "example.com/m", Version: "v1.1.0", Object: whole}}}}
	l = l.With([]collect.Outcome{{Object: whole, Base: &base, Size: 5}})
	got := l.(Local).list[0]
	if want := (snapshot.Module{Path: "example.com/m", Version: "v1.1.0", Object: snapshot.DeltaObject(whole), Base: &base, Size: 5}); !got.stored || !reflect.DeepEqual(got.rec, want) {
		t.Errorf("%+v", got)
	}
	for _, gone := range []string{whole + "-delta", base.Object} {
		if m := l.Without(func(o string) bool { return o == gone }).(Local).list[0]; !m.failed {
			t.Errorf("without %s: %+v", gone, m)
		}
	}
	if m := l.Without(func(o string) bool { return o == whole }).(Local).list[0]; m.failed {
		t.Errorf("without what is not there: %+v", m)
	}
}
