package samedir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// layout makes a directory with links in it.
func layout(t *testing.T) string {
	root := t.TempDir()
	for _, dir := range []string{"a/b", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"link": "a", "deep": filepath.Join(root, "a", "b"), "a/out": "../elsewhere",
		"dangling": "gone/x", "loop": "loop", "chain": "dangling",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	return root
}

func TestSame(t *testing.T) {
	root := layout(t)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "link", true}, {"a/b", "link/b", true}, {"deep", "link/b", true}, {"a", "a/b", false},
		{"link/new", "a/new", true}, {"link/new/x", "a/new/y", false}, {"dangling", "gone/x", true},
		{"chain", "gone/x", true}, {"dangling/y", "gone/x/y", true}, {"loop", "loop", true}, {"loop", "a", false},
		{"a/out", "elsewhere", true}, {"new", "gone", false},
	} {
		if got := Same(filepath.Join(root, tt.a), filepath.Join(root, tt.b)); got != tt.want {
			t.Errorf("Same(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

func TestInside(t *testing.T) {
	root := layout(t)
	for _, tt := range []struct{ dir, parent, want string }{
		{"a/b", "a", "b"}, {"link/b", "a", "b"}, {"a/b", "link", "b"}, {"deep", "link", "b"}, {"a", "link", "."},
		{"link/new/x", "a", "new/x"}, {"a/out", "a", ""}, {"a", "a/b", ""}, {"ab", "a", ""}, {"dangling/y", "gone", "x/y"},
		{"a/..b", "link", "..b"}, {"elsewhere/x", "link/out", "x"},
	} {
		got, ok := Inside(filepath.Join(root, tt.dir), filepath.Join(root, tt.parent))
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Inside(%s, %s) = %q, %v, want %q", tt.dir, tt.parent, got, ok, tt.want)
		}
	}
	if got, ok := Inside(root, "/"); !ok && filepath.Separator == '/' {
		t.Errorf("%s is not in the root: %q", root, got)
	}
	for _, empty := range [][2]string{{"", root}, {root, ""}} {
		if _, ok := Inside(empty[0], empty[1]); ok {
			t.Errorf("%q: an empty name is a directory", empty)
		}
	}
}

func TestCheck(t *testing.T) {
	root := layout(t)
	for name, bad := range map[string]bool{
		"a": false, "link": false, "new": false, "link/new/x": false, "a/out/new": false,
		"dangling": true, "dangling/y": true, "chain": true, "loop": true, "file": true, "file/x": true,
	} {
		if err := Check(filepath.Join(root, name)); errors.Is(err, ErrUnusable) != bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}
