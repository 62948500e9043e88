package modules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// The sample as a delta: its large file lies in the base, in which it comes third of four.
var (
	sampleHash  = strings.Repeat("0a", 32)
	sampleWhole = "v2/modules/example.com/!sample/@v/v1.0.0/" + sampleHash
	sampleDelta = snapshot.DeltaObject(sampleWhole)
	sampleBase  = snapshot.Base{Object: "v2/modules/example.com/!sample/@v/v0.9.0/" + sampleHash, Files: 4, Bytes: 300 << 10}
	baseFile    = "example.com/!sample@v0.9.0/"
	baseTree    = []contenttest.File{
		{Name: "cache/download/example.com/!sample/@v/v0.9.0.info", Content: `{"Version":"v0.9.0"}`},
		{Name: baseFile + "a.go", Content: "package old\n"},
		{Name: baseFile + "gone.go", Content: "package sample\n"},
		{Name: baseFile + "large", Content: sampleFiles[4].Content},
		{Name: baseFile + "z.go", Content: "package sample\n"},
	}
)

// framed stores files in small frames, so that the large one lies in several.
func framed(t testing.TB, files ...contenttest.File) []byte {
	return contenttest.Framed(contenttest.Tar(t, files...), 64<<10)
}

func sampleAsDelta(t testing.TB, runs ...snapshot.Run) []byte {
	d := snapshot.NewDelta(sampleBase, runs)
	return append(d.Append(nil), framed(t, sampleFiles[:4]...)...)
}

// TestRestoreDelta: a module is put together of what a delta and its base have, or not at all. What
// is wrong with one of them is named, and is for the next save to mend.
func TestRestoreDelta(t *testing.T) {
	good, base := sampleAsDelta(t, snapshot.Run{First: 2, Count: 1}), framed(t, baseTree...)
	other := baseTree[3]
	other.Content = strings.Replace(other.Content, "9", "8", 1)
	foreign := contenttest.File{Name: "example.com/other@v0.9.0/large", Content: baseTree[3].Content}
	chain := snapshot.NewDelta(snapshot.Base{Object: sampleWhole, Files: 1}, []snapshot.Run{{Count: 1}})
	otherBase := strings.Replace(sampleBase.Object, "v0.9.0", "v0.8.0", 1)
	list := snapshot.NewDelta(sampleBase, []snapshot.Run{{First: 2, Count: 1}})
	for name, c := range map[string]struct {
		delta, base []byte
		change      func(*Fetch)
		counts      install.Counts
		reason      string
		damaged     []string
		reads       int
	}{
		"serial":   {delta: good, base: base, counts: install.Counts{Restored: 1}, reads: 2},
		"parallel": {delta: good, base: base, change: func(f *Fetch) { f.Bytes = 0 }, counts: install.Counts{Restored: 1}, reads: 2},
		"in parallel ranges": {
			delta: good, base: base, change: func(f *Fetch) { f.Base.Size = bigModule }, counts: install.Counts{Restored: 1}, reads: 2,
		},
		"by go.sum alone": {
			delta: good, base: base, counts: install.Counts{Restored: 1}, reads: 3,
			change: func(f *Fetch) { f.Base, f.Listed, f.Objects = nil, false, []string{sampleWhole, sampleDelta} },
		},
		"base with a list": {
			delta: good, base: append(bytes.Clone(base), emptyList()...), counts: install.Counts{Restored: 1}, reads: 2,
		},
		"no base": {delta: good, counts: install.Counts{Missing: 1}, reason: "not found", damaged: []string{sampleDelta, sampleBase.Object}, reads: 2},
		"no base, by go.sum alone": {
			delta: good, counts: install.Counts{Missing: 1}, reason: sampleBase.Object, damaged: []string{sampleDelta, sampleBase.Object}, reads: 3,
			change: func(f *Fetch) { f.Base, f.Listed, f.Objects = nil, false, []string{sampleWhole, sampleDelta} },
		},
		"base cut off":    {delta: good, base: base[:len(base)-5], counts: install.Counts{Refused: 1}, reason: "EOF", damaged: []string{sampleDelta, sampleBase.Object}, reads: 4},
		"base of nothing": {delta: good, base: []byte{}, counts: install.Counts{Refused: 1}, reason: "too few files", damaged: []string{sampleDelta}, reads: 4},
		"base of another module": {
			delta: good, base: framed(t, baseTree[1], baseTree[2], foreign), counts: install.Counts{Refused: 1}, reason: "too few files", damaged: []string{sampleDelta}, reads: 4,
		},
		"base is a delta": {
			delta: good, base: append(chain.Append(nil), base...), counts: install.Counts{Refused: 1}, reason: "corrupt", damaged: []string{sampleDelta, sampleBase.Object}, reads: 4,
		},
		"other content in the base": {
			delta: good, base: framed(t, baseTree[1], baseTree[2], other), counts: install.Counts{Refused: 1}, reason: "sum", damaged: []string{sampleDelta}, reads: 4,
		},
		"other file of the base": {
			delta: sampleAsDelta(t, snapshot.Run{First: 1, Count: 1}), base: base, counts: install.Counts{Refused: 1}, reason: "sum", damaged: []string{sampleDelta}, reads: 4,
		},
		"file that is there": {
			delta: sampleAsDelta(t, snapshot.Run{First: 0, Count: 1}), base: base, counts: install.Counts{Refused: 1}, reason: "second file", damaged: []string{sampleDelta}, reads: 4,
		},
		"more than announced": {
			delta: sampleAsDelta(t, snapshot.Run{First: 1, Count: 3}), base: base, counts: install.Counts{Refused: 1}, reason: "more than 3 files", damaged: []string{sampleDelta}, reads: 4,
		},
		"another base than the manifest says": {
			delta: good, base: base, counts: install.Counts{Refused: 1}, reason: "not " + otherBase, damaged: []string{sampleDelta}, reads: 2,
			change: func(f *Fetch) { f.Base.Object = otherBase },
		},
		"damage behind what is needed": {
			delta: good, base: append(framed(t, baseTree[1:4]...), "junk and more junk"...), counts: install.Counts{Restored: 1}, reads: 2,
		},
		"base with more bytes than the delta says": {
			delta: good, base: framed(t, baseTree[1], contenttest.File{Name: baseFile + "b", Content: strings.Repeat("b", 300<<10)}, baseTree[3]), counts: install.Counts{Refused: 1}, reason: "more bytes", damaged: []string{sampleDelta}, reads: 4,
		},
		"base with large files that are skipped": {
			delta: good, base: framed(t, contenttest.File{Name: "z", Content: strings.Repeat("z", 16<<20+1)}, baseTree[1], baseTree[2], baseTree[3]), counts: install.Counts{Refused: 1}, reason: "other files", damaged: []string{sampleDelta}, reads: 4,
		},
		"base with many files that are skipped": {
			delta: good, base: framed(t, foreign, foreign, foreign, foreign, baseTree[1], baseTree[2], baseTree[3]), counts: install.Counts{Refused: 1}, reason: "other files", damaged: []string{sampleDelta}, reads: 4,
		},
		"delta cut off":     {delta: good[:len(good)-5], base: base, counts: install.Counts{Refused: 1}, reason: "EOF", damaged: []string{sampleDelta}, reads: 2},
		"delta without end": {delta: good[:10], base: base, counts: install.Counts{Refused: 1}, reason: "EOF", damaged: []string{sampleDelta}, reads: 2},
		"whole named delta": {delta: framed(t, sampleFiles...), base: base, counts: install.Counts{Refused: 1}, reason: "no beginning of a delta", damaged: []string{sampleDelta}, reads: 2},
		"delta with a list": {delta: append(append(list.Append(nil), framed(t, sampleFiles[:4]...)...), emptyList()...), base: base, counts: install.Counts{Restored: 1}, reads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newWorld(t), sample()
			known := sampleBase
			f.Objects, f.Base = []string{sampleDelta}, &known
			w.store.Set(sampleDelta, c.delta)
			w.store.Set(sampleBase.Object, c.base)
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
			var damaged []string
			for _, d := range out.Damages {
				damaged = append(damaged, d.Object)
			}
			if fmt.Sprint(damaged) != fmt.Sprint(c.damaged) {
				t.Errorf("damaged are %q, want %q", damaged, c.damaged)
			}
			m := w.cache.Stat(sampleVersion)
			if here := m.State == modcache.Complete && m.Sum == sampleSum(); here != (c.counts.Restored == 1) {
				t.Errorf("the module is %+v", m)
			}
		})
	}
}

func emptyList() []byte {
	var b bytes.Buffer
	w := snapshot.NewModuleWriter(&b)
	w.List(snapshot.FileHash{})
	w.Close()
	return b.Bytes()[b.Len()-8-16-32:]
}

// TestBaseFails: a failure of the store while the base is read ends the restore, and names it. A
// base that was only wrong in transit is read again.
func TestBaseFails(t *testing.T) {
	w, f := newWorld(t), sample()
	f.Objects = []string{sampleDelta}
	w.store.Set(sampleDelta, sampleAsDelta(t, snapshot.Run{First: 2, Count: 1}))
	w.store.Set(sampleBase.Object, framed(t, baseTree...))
	bad := 0
	w.store.OnOpen = func(_ context.Context, name string, body []byte) ([]byte, error) {
		if bad++; name == sampleBase.Object && bad < 3 {
			return body[:100], nil
		}
		return body, nil
	}
	if out, err := w.run(t, f); err != nil || out.Counts.Restored != 1 || len(out.Losses)+len(out.Damages) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	w = newWorld(t)
	w.store.Set(sampleDelta, sampleAsDelta(t, snapshot.Run{First: 2, Count: 1}))
	w.store.Set(sampleBase.Object, framed(t, baseTree...))
	w.store.OnOpen = func(_ context.Context, name string, body []byte) ([]byte, error) {
		if name == sampleBase.Object {
			return nil, store.ErrUnreachable
		}
		return body, nil
	}
	if out, err := w.run(t, f); !store.IsFailure(err) || !strings.Contains(err.Error(), sampleBase.Object) || out.Counts != (install.Counts{}) {
		t.Errorf("%+v, %v", out, err)
	}
}

// FuzzBase: whatever a base and a delta hold, nothing is installed that h1 does not prove, and
// nothing is written anywhere else.
func FuzzBase(f *testing.F) {
	small := []contenttest.File{sampleFiles[0], sampleFiles[2]}
	base := []contenttest.File{{Name: baseFile + "b/c.txt", Content: ""}, {Name: baseFile + "x", Content: "x"}}
	d := snapshot.NewDelta(sampleBase, []snapshot.Run{{First: 0, Count: 1}})
	f.Add(d.Append(nil), contenttest.Tar(f, small...), contenttest.Tar(f, base...), true)
	f.Add(d.Append(nil), contenttest.Tar(f, small...), contenttest.Tar(f, contenttest.File{Name: baseFile + "../x", Content: "x"}), false)
	root := f.TempDir()
	var h modcache.TreeHash
	h.Add("example.com/Sample@v1.0.0/a.go", sha256.Sum256([]byte(small[1].Content)))
	h.Add("example.com/Sample@v1.0.0/b/c.txt", sha256.Sum256(nil))
	f.Fuzz(func(t *testing.T, head, own, base []byte, serial bool) {
		if len(own)+len(base) > 1<<20 {
			t.Skip()
		}
		st := new(contenttest.Store)
		st.Set(sampleDelta, append(bytes.Clone(head), contenttest.Framed(own, 1<<15)...))
		st.Set(sampleBase.Object, contenttest.Framed(base, 1<<15))
		c := modcache.Open(filepath.Join(root, "mod"), modcache.Options{Writable: true})
		env := installtest.NewEnv(t, st, c)
		in := &installer{env: env, place: install.NewPlace("module cache")}
		want := Fetch{Wanted: Wanted{Version: module.Version{Path: "example.com/Sample", Version: "v1.0.0"}, Sum: h.Sum(), Objects: []string{sampleDelta}, Listed: true}}
		if serial {
			want.Bytes = 1 << 10
		}
		out, err := in.restore(t.Context(), want, func() {})
		if err != nil {
			t.Errorf("bytes of an object end a restore: %v", err)
		}
		for _, name := range st.Reads() {
			if !strings.HasPrefix(name, "v2/modules/example.com/!sample/@v/") {
				t.Errorf("%s was read", name)
			}
		}
		if err := env.Stage.Close(); err != nil {
			t.Fatal(err)
		}
		if list, _ := os.ReadDir(root); len(list) > 1 {
			t.Errorf("%v was created", list)
		}
		if _, stat := os.Lstat(filepath.Join(root, "mod", "example.com")); (stat == nil) != (out.Counts.Restored == 1) {
			t.Errorf("the module is there: %v; %+v", stat == nil, out)
		}
		if err := osfile.RemoveAll(filepath.Join(root, "mod")); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOpenTree: who reads a version file by file gets the same files in the same order, whether it
// is stored whole or as a delta.
func TestOpenTree(t *testing.T) {
	want := ""
	for _, f := range sampleFiles {
		want += fmt.Sprintf("%s %x\n", f.Name, sha256.Sum256([]byte(f.Content)))
	}
	base := framed(t, baseTree...)
	delta := sampleAsDelta(t, snapshot.Run{First: 2, Count: 1})
	d := snapshot.NewDelta(sampleBase, []snapshot.Run{{First: 0, Count: 1}})
	between := append(d.Append(nil), framed(t, sampleFiles[0], sampleFiles[1], sampleFiles[2], sampleFiles[4])...)
	for name, c := range map[string]struct {
		whole, delta, base []byte
		objects            int
		fails              bool
	}{
		"whole":       {whole: framed(t, sampleFiles...), objects: 1},
		"with a list": {whole: append(framed(t, sampleFiles...), emptyList()...), objects: 1},
		"delta":       {delta: delta, base: base, objects: 2},
		"between":     {delta: between, base: framed(t, contenttest.File{Name: baseFile + "b/c.txt"}), objects: 2},
		"no base":     {delta: delta, objects: 1, fails: true},
		"nothing":     {fails: true},
		"junk":        {delta: []byte("junk and more junk"), objects: 1, fails: true},
		"short base":  {delta: delta, base: framed(t, baseTree[1]), objects: 2, fails: true},
	} {
		st := new(contenttest.Store)
		st.Set(sampleWhole, c.whole)
		st.Set(sampleDelta, c.delta)
		st.Set(sampleBase.Object, c.base)
		tree, err := OpenTree(t.Context(), st, Names(sampleWhole), sampleVersion)
		got := ""
		for err == nil {
			var m snapshot.Member
			if m, err = tree.Next(); err != nil {
				break
			}
			h := sha256.New()
			if _, err = io.Copy(h, tree); err == nil {
				got += fmt.Sprintf("%s %x\n", m.Name, h.Sum(nil))
			}
		}
		tree.Close()
		if (err != io.EOF) != c.fails || !c.fails && got != want || len(tree.Objects) != c.objects {
			t.Errorf("%s: %v, %d objects, %s", name, err, len(tree.Objects), got)
		}
	}
}

// TestFetched: a job keeps its place among the transfers until the last object that it needs has
// arrived, under whatever name the version is stored.
func TestFetched(t *testing.T) {
	for name, c := range map[string]struct {
		whole, delta []byte
		reads        int
		here         bool
	}{
		"whole":   {whole: framed(t, sampleFiles...), reads: 1, here: true},
		"delta":   {delta: sampleAsDelta(t, snapshot.Run{First: 2, Count: 1}), reads: 3, here: true},
		"nothing": {reads: 2},
	} {
		st := new(contenttest.Store)
		st.Set(sampleWhole, c.whole)
		st.Set(sampleDelta, c.delta)
		st.Set(sampleBase.Object, framed(t, baseTree...))
		var fetched atomic.Int32
		late := 0
		st.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
			late += int(fetched.Load())
			return body, nil
		}
		dir := t.TempDir()
		t.Cleanup(func() { osfile.RemoveAll(dir) })
		cache := modcache.Open(dir, modcache.Options{Writable: true})
		in := &installer{env: installtest.NewEnv(t, st, cache), place: install.NewPlace("module cache")}
		f := Fetch{Wanted: Wanted{Version: sampleVersion, Sum: sampleSum(), Objects: Names(sampleWhole)}}
		out, err := in.restore(t.Context(), f, func() { fetched.Add(1) })
		if err != nil || (out.Counts.Restored == 1) != c.here || len(st.Reads()) != c.reads {
			t.Errorf("%s: %+v, %v after %q", name, out, err, st.Reads())
		}
		if late != 0 || (fetched.Load() == 1) != c.here {
			t.Errorf("%s: %d transfers without a place, said %d times", name, late, fetched.Load())
		}
	}
}
