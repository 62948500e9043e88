package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/samedir"
)

// TestInputsOf: the files that are named are those of which the go command compares size, mode and
// time.
func TestInputsOf(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	made := time.Now().Add(-time.Hour)
	write := func(dir, name string, when time.Time) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
	}
	old := made.Add(-time.Hour)
	for _, name := range []string{"old", "changed", "dir/old", "listed/old"} {
		write(root, name, old)
	}
	for _, name := range []string{"new", "dir/new", "listed/new", "listed/sub/new"} {
		write(root, name, time.Now())
	}
	write(elsewhere, "new", time.Now())
	for _, dir := range []string{filepath.Join(root, "dir"), filepath.Join(root, "listed"), filepath.Join(root, "listed", "sub"), root, elsewhere} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	at := func(op, name string) goentry.Lookup { return goentry.Lookup{Op: op, File: filepath.Join(root, name)} }
	for name, c := range map[string]struct {
		lookup         goentry.Lookup
		changed, newer []string
	}{
		"old":                   {at("open", "old"), nil, nil},
		"new":                   {at("open", "new"), nil, []string{"new"}},
		"asked for":             {at("stat", "new"), nil, []string{"new"}},
		"absent":                {at("stat", "absent"), nil, nil},
		"changed, of old time":  {at("open", "changed"), []string{"changed"}, nil},
		"changed and gone":      {at("stat", "gone"), []string{"gone"}, nil},
		"directory":             {at("stat", "dir"), nil, nil},
		"listed":                {at("open", "listed"), []string{"listed/gone"}, []string{"listed/new"}},
		"outside of the module": {goentry.Lookup{Op: "open", File: filepath.Join(elsewhere, "new")}, nil, nil},
		"went outside":          {goentry.Lookup{Op: "chdir", File: elsewhere}, nil, nil},
	} {
		m := &miss{project: &project{dir: root}}
		l := testFiles{module: root, made: made, changed: byDir([]string{
			filepath.Join(root, "changed"), filepath.Join(root, "gone"), filepath.Join(root, "listed", "gone"),
		})}
		in := m.inputsOf(goentry.TestLog{Lookups: []goentry.Lookup{c.lookup}}, l)
		if !slices.Equal(in.Changed, c.changed) || !slices.Equal(in.Newer, c.newer) {
			t.Errorf("%s: changed %q, newer %q; want %q, %q", name, in.Changed, in.Newer, c.changed, c.newer)
		}
	}
	if err := os.Chtimes(elsewhere, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	m := &miss{project: &project{dir: root}, env: []string{"GOPROXY=off"}}
	in := m.inputsOf(goentry.TestLog{Variables: []string{"GOPROXY", "GO", "GOPROXY"}, Lookups: []goentry.Lookup{{Op: "chdir", File: elsewhere}}}, testFiles{module: root, made: made})
	if !slices.Equal(in.Newer, []string{elsewhere}) || !slices.Equal(in.Asked, []string{"GOPROXY"}) || !slices.Equal(in.Variables, []string{"GO", "GODEBUG", "GOPROXY"}) {
		t.Errorf("%+v", in)
	}
}

// TestInputsBehindLinks: names of files behind a link to the module count, and so do links
// themselves.
func TestInputsBehindLinks(t *testing.T) {
	dir := t.TempDir()
	root, link := filepath.Join(dir, "root"), filepath.Join(dir, "link")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, link); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(root, "alias")); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]bool{file: true, filepath.Join(link, "file"): true, filepath.Join(dir, "other"): false} {
		for _, parent := range []string{root, link} {
			if _, ok := samedir.Within(name, parent); ok != in {
				t.Errorf("%s in %s: %v", name, parent, ok)
			}
		}
	}
	l := testFiles{module: root, made: old.Add(time.Minute)}
	l.add(goentry.Lookup{Op: "stat", File: filepath.Join(root, "alias")})
	if !slices.Equal(l.isNewer, []string{filepath.Join(root, "alias")}) {
		t.Errorf("newer: %q", l.isNewer)
	}
}
