package untrusted

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
)

// TestBytesHostilePathIsRefused: files of a path appear under their names and with their content,
// or not at all.
func TestBytesHostilePathIsRefused(t *testing.T) {
	for name, members := range map[string][]bytesMember{
		"escape":           {bytesFile("../evil", "A")},
		"absolute":         {bytesFile("/tmp/evil", "A")},
		"link":             {{tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc/passwd"}, ""}},
		"hard link":        {{tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "/etc/passwd"}, ""}},
		"another content":  {bytesFile("a", "X"), bytesFile("d/b", "BB"), bytesFile("d/e/c", "")},
		"the same twice":   {bytesFile("a", "A"), bytesFile("a", "A"), bytesFile("a", "A")},
		"none of them":     {bytesFile("evil", "A")},
		"of another size":  {bytesFile("a", strings.Repeat("A", 100))},
		"longer than told": {bytesMember{tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 1}, "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := bytesStore(t)
			w.withPath(t, bytesTar(t, members...))
			res := w.restore(t)
			if got := bytesCounts(res); got.modules != bytesAll.modules || got.build != bytesAll.build || res.Files.Restored+res.Files.Refused != bytesAll.files || res.Files.Refused == 0 {
				t.Errorf("restored %+v, files %+v", got, res.Files)
			}
			w.mustLose(t, res, "packs/", "")
			bytesCheckLint(t, w)
		})
	}
	t.Run("element of 300 bytes", func(t *testing.T) {
		w := bytesStore(t)
		m := w.manifest(t)
		long := strings.Repeat("x", 300)
		m.Paths[0].Files = append(m.Paths[0].Files, snapshot.PathFile{Name: long, Size: 1, Sum: bytesSum("A")})
		p, stored := bytesPack(bytesTar(t, bytesFile("a", "A"), bytesFile("d/b", "BB"), bytesFile("d/e/c", ""), bytesFile(long, "A")))
		w.put(t, p.Object, stored)
		w.rebuild(t, m, nil, &p)
		res := w.restore(t)
		w.mustLose(t, res, "lint", "something else is in its place")
		w.mustHave(t, res, bytesAll, true)
	})
}

// withPath puts a pack in the place of that of the path.
func (w bytesWorld) withPath(t *testing.T, archive []byte) {
	t.Helper()
	p, stored := bytesPack(archive)
	w.put(t, p.Object, stored)
	w.rebuild(t, w.manifest(t), nil, &p)
}

func bytesCheckLint(t *testing.T, w bytesWorld) {
	t.Helper()
	for name := range bytesLint {
		data, err := os.ReadFile(filepath.Join(w.lint(), filepath.FromSlash(name)))
		if err == nil && string(data) != bytesLint[name] {
			t.Errorf("%s holds %q", name, data)
		}
	}
	list, _ := os.ReadDir(w.lint())
	for _, d := range list {
		if d.Name() != "a" && d.Name() != "d" {
			t.Errorf("%s was created", d.Name())
		}
	}
}
