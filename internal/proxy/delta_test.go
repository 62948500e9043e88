package proxy

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// putDelta replaces the module object of a version by a delta that takes the file shared.go from
// that of another version, and returns the name of the base.
func putDelta(t *testing.T, w *world, base, m testModule, files map[string]string) string {
	t.Helper()
	object := func(m testModule) string {
		name, err := w.lib.public.shelf.Object(m.v, m.sum)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	cache, err := modcache.DownloadName(m.v)
	if err != nil {
		t.Fatal(err)
	}
	_, tree, err := modcache.Prefixes(m.v)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	d := snapshot.NewDelta(snapshot.Base{Object: object(base), Files: 3, Bytes: 1 << 20}, []snapshot.Run{{First: 2, Count: 1}})
	out := snapshot.NewDeltaWriter(&b, d)
	for _, f := range []struct{ name, content string }{
		{cache + ".info", string(m.info)}, {cache + ".mod", string(m.mod)},
		{tree + "a.go", files["a.go"]}, {tree + "go.mod", files["go.mod"]},
	} {
		if _, err := out.Add(snapshot.Member{Name: f.name, Mode: 0o444, Size: int64(len(f.content))}, strings.NewReader(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.Close(); err != nil {
		t.Fatal(err)
	}
	whole := object(m)
	if _, err := w.store.Put(t.Context(), snapshot.DeltaObject(whole), &b, int64(b.Len()), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	remove(t, w, whole)
	return object(base)
}

// remove removes objects from the store, after the background has finished: it stores a module
// object again that is gone.
func remove(t testing.TB, w *world, names ...string) {
	t.Helper()
	w.settle()
	if failed := lister(w).Delete(context.Background(), names); failed != nil {
		t.Fatal(failed)
	}
}

// TestLostBase: without access, a list has a version that is stored as a delta while its base is
// there. After that was lost the list has what is left, and the answer for the version names the
// base. With access it is fetched and stored whole.
func TestLostBase(t *testing.T) {
	var files []map[string]string
	var list []testModule
	for _, version := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		f := map[string]string{"a.go": "package m // " + version + "\n", "shared.go": strings.Repeat("package m\n", 1000)}
		list = append(list, newModule(t, "example.com/m", version, f))
		files = append(files, f)
	}
	w := newWorld(t, list...).start(nil)
	for _, m := range list {
		w.want(200, "example.com/m/@v/"+m.v.Version+".zip")
	}
	w.settle()
	base := putDelta(t, w, list[0], list[1], files[1])
	offline := func(o *Options) { o.Offline = true }
	w.start(offline)
	if got := string(w.want(200, "example.com/m/@v/list")); got != "v1.0.0\nv1.1.0\nv1.2.0\n" {
		t.Errorf("with the base: list %q", got)
	}
	if got := sumOf(t, w.want(200, "example.com/m/@v/v1.1.0.zip")); got != list[1].sum {
		t.Errorf("with the base: %s", got)
	}

	remove(t, w, base)
	w.start(offline)
	served := w.want(200, "example.com/m/@v/list")
	if string(served) != "v1.2.0\n" {
		t.Errorf("without the base: list %q", served)
	}
	for _, v := range strings.Fields(string(served)) {
		w.want(200, "example.com/m/@v/"+v+".zip")
	}
	if data := w.want(404, "example.com/m/@v/v1.1.0.zip"); !strings.Contains(string(data), base) {
		t.Errorf("without the base: %s", data)
	}

	w.start(nil)
	if got := sumOf(t, w.want(200, "example.com/m/@v/v1.1.0.zip")); got != list[1].sum {
		t.Errorf("fetched again: %s", got)
	}
	w.start(offline)
	if got := string(w.want(200, "example.com/m/@v/list")); got != "v1.1.0\nv1.2.0\n" {
		t.Errorf("fetched again: list %q", got)
	}
	if got := sumOf(t, w.want(200, "example.com/m/@v/v1.1.0.zip")); got != list[1].sum {
		t.Errorf("stored again: %s", got)
	}
}

// TestTwoHashesListed: a list without access has no version of which the store has two, and nothing
// tells which is right.
func TestTwoHashesListed(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m, greet(t, "v1.0.1")).start(nil)
	for _, v := range []string{"v1.0.0", "v1.0.1"} {
		w.want(200, "example.com/!greet/@v/"+v+".zip")
	}
	w.settle()
	other, err := w.lib.public.shelf.Object(m.v, "h1:"+strings.Repeat("A", 43)+"=")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Put(t.Context(), other, strings.NewReader("x"), 1, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	list := func(want string) {
		t.Helper()
		w.start(func(o *Options) { o.Offline = true })
		if got := string(w.want(200, "example.com/!greet/@v/list")); got != want {
			t.Errorf("list %q, want %q", got, want)
		}
	}
	list("v1.0.0\nv1.0.1\n") // the checksum database has said which
	for _, name := range objects(t, w) {
		if !strings.HasPrefix(name, "v2/modules/") {
			remove(t, w, name)
		}
	}
	list("v1.0.1\n")
	w.want(502, "example.com/!greet/@v/v1.0.0.zip")
}
