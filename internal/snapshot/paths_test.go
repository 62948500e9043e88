package snapshot_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/snapshot"
)

// manifestWithPaths returns sampleManifest with directories besides the two caches.
func manifestWithPaths() *snapshot.Manifest {
	sum := strings.Repeat("0123456789abcdef", 4)
	m := sampleManifest()
	m.Paths = []snapshot.PathFiles{
		{Name: "$LINT_CACHE", Files: []snapshot.PathFile{{Name: "00/x-d", Size: 40, Sum: sum, Pack: 1, LastUse: 1767312245}}},
		{Name: "~/.cache/tool", Files: []snapshot.PathFile{
			{Name: "a/run", Size: 0, Sum: sum, Exec: true, Pack: 1, LastUse: 1767312000},
			{Name: "b", Size: 7, Sum: sum, Pack: 1, LastUse: 1767312245},
		}},
	}
	return m
}

// TestPaths: paths are read back as they were written, and as they were when the field was new; and
// they are written in the same order, whatever the order in which they were added.
func TestPaths(t *testing.T) {
	want := manifestWithPaths()
	file := filepath.Join("..", "..", "testdata", "format2")
	frozen, err := snapshot.DecodeManifest(readFile(t, file, "manifest-paths"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, frozen); d != "" {
		t.Error(d)
	}
	b := snapshot.NewBuilder()
	b.AddPack(want.Packs[0])
	for _, i := range rand.Perm(2) {
		p := want.Paths[i]
		for _, j := range rand.Perm(len(p.Files)) {
			f := p.Files[j]
			f.Pack = b.AddPack(want.Packs[f.Pack])
			b.AddFile(p.Name, f)
		}
	}
	got := manifestWithPaths()
	b.Build(got)
	for i := range want.Paths {
		for j := range want.Paths[i].Files {
			want.Paths[i].Files[j].Pack = 0 // the pack of chunks is not used
		}
	}
	if d := cmp.Diff(want.Paths, got.Paths); d != "" || len(got.Packs) != 1 {
		t.Errorf("%d packs: %s", len(got.Packs), d)
	}
	if live := manifestWithPaths().LiveBytes(); live[1]-sampleManifest().LiveBytes()[1] != 47 {
		t.Errorf("live bytes %v", live)
	}
}

// TestPathLies: a manifest cannot make its reader write anywhere else, or use an index out of
// range.
func TestPathLies(t *testing.T) {
	lies := map[string]func(*snapshot.Manifest){
		"leaves":      func(m *snapshot.Manifest) { m.Paths[1].Files[0].Name = "../x" },
		"absolute":    func(m *snapshot.Manifest) { m.Paths[1].Files[0].Name = "/etc/x" },
		"backslash":   func(m *snapshot.Manifest) { m.Paths[1].Files[0].Name = `a\..\x` },
		"not clean":   func(m *snapshot.Manifest) { m.Paths[1].Files[0].Name = "a//x" },
		"no pack":     func(m *snapshot.Manifest) { m.Paths[1].Files[0].Pack = 2 },
		"chunks":      func(m *snapshot.Manifest) { m.Paths[1].Files[0].Pack = 0 },
		"no hash":     func(m *snapshot.Manifest) { m.Paths[1].Files[0].Sum = "0123" },
		"negative":    func(m *snapshot.Manifest) { m.Paths[1].Files[0].Size = -1 },
		"too large":   func(m *snapshot.Manifest) { m.Paths[1].Files[0].Size = snapshot.MaxPathFile + 1 },
		"twice":       func(m *snapshot.Manifest) { m.Paths[1].Files[0].Name = "b" },
		"order":       func(m *snapshot.Manifest) { m.Paths[0].Name = "~~" },
		"no name":     func(m *snapshot.Manifest) { m.Paths[0].Name = "" },
		"many of all": func(m *snapshot.Manifest) { m.Paths[1].Files = make([]snapshot.PathFile, snapshot.MaxPathFiles+1) },
	}
	for name, lie := range lies {
		m := manifestWithPaths()
		lie(m)
		if _, err := m.Encode(); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
