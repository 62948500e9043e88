package proxy

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/store/dir"
)

// TestBundle: what is exported from one store is imported into another, and served there offline.
func TestBundle(t *testing.T) {
	a, b := greet(t, "v1.0.0"), greet(t, "v1.0.1")
	w := newWorld(t, a, b).start(nil)
	list := []Needed{{a.v, a.sum, a.modSum}, {Version: b.v, ModSum: b.modSum}}
	for _, n := range list[:1] {
		if _, err := w.lib.Fetch(t.Context(), n.Version); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	var file bytes.Buffer
	if err := w.lib.Export(t.Context(), &file, list); err != nil {
		t.Fatal(err)
	}
	fresh := func() {
		t.Helper()
		st, err := dir.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		w.store = st
		w.start(func(o *Options) { o.Offline = true })
	}
	fresh()
	got, err := w.lib.Import(t.Context(), bytes.NewReader(file.Bytes()), list)
	if err != nil || got.Modules != 1 || got.Mods != 2 || got.Skipped != 0 || len(got.Missing) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got := sumOf(t, w.want(200, greetZip)); got != a.sum {
		t.Errorf("zip: %s", got)
	}
	w.want(200, strings.Replace(greetZip, ".zip", ".info", 1))
	w.want(200, "example.com/!greet/@v/v1.0.1.mod")
	w.want(404, "example.com/!greet/@v/v1.0.1.zip")

	fresh()
	other := Needed{Version: module.Version{Path: "example.com/other", Version: "v1.0.0"}, Sum: a.sum, ModSum: a.modSum}
	got, err = w.lib.Import(t.Context(), bytes.NewReader(file.Bytes()), []Needed{other})
	if err != nil || got.Modules != 0 || got.Skipped == 0 || len(got.Missing) != 1 {
		t.Errorf("another go.sum: %+v, %v", got, err)
	}
	if names := objects(t, w); len(names) != 0 {
		t.Errorf("another go.sum: stored %q", names)
	}
	for name, wrong := range map[string]Needed{"sum": {a.v, b.sum, a.modSum}, "modSum": {a.v, a.sum, b.sum}} {
		if got, err := w.lib.Import(t.Context(), bytes.NewReader(file.Bytes()), []Needed{wrong}); err == nil {
			t.Errorf("%s is another: %+v", name, got)
		}
		if modulesIn(t, w.store) != 0 {
			t.Errorf("%s is another, and the module was stored", name)
		}
	}
	if _, err := w.lib.Import(t.Context(), bytes.NewReader(file.Bytes()[:file.Len()/2]), list); err == nil {
		t.Error("half a bundle is no error")
	}
}

// TestBundleMembers: a bundle has files of modules only.
func TestBundleMembers(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	var file bytes.Buffer
	tw := tar.NewWriter(&file)
	tw.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "example.com/!greet/@v/v1.0.0.mod", Linkname: "/etc/passwd"})
	tw.Close()
	if _, err := w.lib.Import(t.Context(), io.Reader(&file), []Needed{{m.v, m.sum, m.modSum}}); err == nil {
		t.Error("a link is no error")
	}
}
