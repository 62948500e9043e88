package shelf

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

type file struct{ name, content string }

// zipOf makes the zip of a version, and its hash.
func zipOf(t testing.TB, v module.Version, files ...file) (data []byte, sum string) {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	var tree modcache.TreeHash
	for _, f := range files {
		name := v.Path + "@" + v.Version + "/" + f.name
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, f.content)
		tree.Add(name, sha256.Sum256([]byte(f.content)))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), tree.Sum()
}

// TestDelta: a save has stored a version as what it has beyond another one, and the proxy serves,
// lists, renews and exports it like any other.
func TestDelta(t *testing.T) {
	ctx := t.Context()
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &Shelf{Store: st}
	old := module.Version{Path: "example.com/m", Version: "v1.0.0"}
	v := module.Version{Path: "example.com/m", Version: "v1.1.0"}
	same := strings.Repeat("package m\n", 1000)
	oldZip, oldSum := zipOf(t, old, file{"a.go", same}, file{"b.go", "package m\n"}, file{"z.go", same})
	wantZip, sum := zipOf(t, v, file{"a.go", same}, file{"b.go", "package m // new\n"}, file{"z.go", same})
	if err := s.PutModule(ctx, Module{Version: old, Sum: oldSum, Zip: bytes.NewReader(oldZip), Size: int64(len(oldZip))}); err != nil {
		t.Fatal(err)
	}

	base, err := s.Object(old, oldSum)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := s.Object(v, sum)
	if err != nil {
		t.Fatal(err)
	}
	var delta bytes.Buffer
	d := snapshot.NewDelta(snapshot.Base{Object: base, Files: 3, Bytes: 2*int64(len(same)) + 10}, []snapshot.Run{{First: 0, Count: 1}, {First: 2, Count: 1}})
	w := snapshot.NewDeltaWriter(&delta, d)
	for _, f := range []file{
		{"cache/download/example.com/m/@v/v1.1.0.info", `{"Version":"v1.1.0"}`},
		{"cache/download/example.com/m/@v/v1.1.0.mod", "module example.com/m\n"},
		{"example.com/m@v1.1.0/b.go", "package m // new\n"},
	} {
		if _, err := w.Add(snapshot.Member{Name: f.name, Mode: 0o444, Size: int64(len(f.content))}, strings.NewReader(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if has, err := s.Has(ctx, v, sum); has || err != nil {
		t.Fatalf("before it is stored: %v, %v", has, err)
	}
	if _, err := st.Put(ctx, snapshot.DeltaObject(whole), bytes.NewReader(delta.Bytes()), int64(delta.Len()), store.Condition{}); err != nil {
		t.Fatal(err)
	}

	if has, err := s.Has(ctx, v, sum); !has || err != nil {
		t.Errorf("Has: %v, %v", has, err)
	}
	var got bytes.Buffer
	if err := s.WriteZip(ctx, v, sum, &got); err != nil {
		t.Fatal(err)
	}
	if g, w := content(t, got.Bytes()), content(t, wantZip); g != w {
		t.Errorf("zip has\n%s\nwant\n%s", g, w)
	}
	if info, mod, err := s.Head(ctx, v, sum); string(info) != `{"Version":"v1.1.0"}` || string(mod) != "module example.com/m\n" || err != nil {
		t.Errorf("Head: %q, %q, %v", info, mod, err)
	}
	stored, err := s.Stored(ctx, v.Path)
	if len(stored) != 2 || stored[1].Version != v.Version || len(stored[1].Sums) != 1 || stored[1].Sums[0] != sum || err != nil {
		t.Errorf("Stored: %v, %v", stored, err)
	}
	if list, err := s.Readable(ctx, v.Path, stored); !reflect.DeepEqual(list, stored) || err != nil {
		t.Errorf("Readable: %v, %v", list, err)
	}
	if objects, err := s.Objects(ctx, v, sum); len(objects) != 2 || objects[1].Name != base || err != nil {
		t.Errorf("Objects: %v, %v; want the delta and %s", objects, err, base)
	}

	var object bytes.Buffer
	if err := s.WriteObject(ctx, v, sum, &object); err != nil {
		t.Fatal(err)
	}
	if err := Verify(bytes.NewReader(object.Bytes()), v, sum); err != nil {
		t.Errorf("exported: %v", err)
	}
	if err := s.PutObject(ctx, v, sum, bytes.NewReader(object.Bytes()), int64(object.Len())); err != nil {
		t.Fatal(err)
	}
	if objects, err := s.Objects(ctx, v, sum); len(objects) != 1 || objects[0].Name != whole || err != nil {
		t.Errorf("imported: %v, %v", objects, err)
	}

	// A base that has gone leaves nothing that could be served in its place.
	if failed := st.Delete(ctx, []string{base, whole}); len(failed) > 0 {
		t.Fatal(failed)
	}
	if err := s.WriteZip(ctx, v, sum, io.Discard); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without the base: %v", err)
	}
}

// TestPutObject: what is there and good stays, and what is damaged is replaced.
func TestPutObject(t *testing.T) {
	ctx := t.Context()
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &Shelf{Store: st}
	v := module.Version{Path: "example.com/m", Version: "v1.0.0"}
	data, sum := zipOf(t, v, file{"a.go", "package m\n"})
	if err := s.PutModule(ctx, Module{Version: v, Sum: sum, Zip: bytes.NewReader(data), Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	var object bytes.Buffer
	if err := s.WriteObject(ctx, v, sum, &object); err != nil {
		t.Fatal(err)
	}
	name, err := s.Object(v, sum)
	if err != nil {
		t.Fatal(err)
	}
	before, err := st.Stat(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutObject(ctx, v, sum, bytes.NewReader(object.Bytes()), int64(object.Len())); err != nil {
		t.Fatal(err)
	}
	if after, err := st.Stat(ctx, name); after.Version != before.Version || err != nil {
		t.Errorf("a good object was replaced: %+v, %+v, %v", before, after, err)
	}
	if _, err := st.Put(ctx, name, strings.NewReader("damaged"), 7, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutObject(ctx, v, sum, bytes.NewReader(object.Bytes()), int64(object.Len())); err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyStored(ctx, v, sum); err != nil {
		t.Errorf("a damaged object was left: %v", err)
	}
}

// content lists the files of a zip.
func content(t *testing.T, data []byte) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(f.Name + " " + string(text) + "\n")
	}
	return b.String()
}
