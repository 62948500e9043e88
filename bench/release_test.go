package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
)

// TestRelease switches to the next release and back, with a file that is changed, one that is
// added, one that is removed, and one that stays the same.
func TestRelease(t *testing.T) {
	p := &project{lab: &lab{Dir: kit.Dir(t.TempDir())}}
	before := map[string]string{"go.mod": "1", "dir/same.go": "s", "dir/gone.go": "g"}
	after := map[string]string{"go.mod": "2", "dir/same.go": "s", "new/new.go": "n"}
	writeTree(t, p.Path("project"), before)
	writeTree(t, p.Path("next"), after)
	names, err := p.keepDifferences()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dir/gone.go", "go.mod", "new/new.go"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, step := range []struct {
		variant string
		want    map[string]string
	}{{released, after}, {released, after}, {beforeRelease, before}} {
		if err := p.useRelease(step.variant); err != nil {
			t.Fatal(err)
		}
		got, err := contents(p.Path("project"))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for name, content := range got {
			texts[name] = string(content)
		}
		if diff := cmp.Diff(step.want, texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.variant, diff)
		}
	}
}

func writeTree(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
