package samedir

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var links = map[string]string{
	"link": "a", "deep": "a/b", "a/out": "../elsewhere", "dangling": "gone/x", "loop": "loop", "chain": "dangling",
}

// layout makes a directory with links in it. If the system cannot make links, missing reports
// whether one of the names leads through a link.
func layout(t *testing.T) (root string, missing func(names ...string) bool) {
	root = t.TempDir()
	missing = func(...string) bool { return false }
	for _, dir := range []string{"a/b", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range links {
		if name == "deep" {
			target = filepath.Join(root, "a", "b")
		}
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Log("cannot make symbolic links:", err)
			return root, throughLink
		}
	}
	return root, missing
}

func throughLink(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		for link := range links {
			if strings.HasPrefix(name+"/", link+"/") {
				return true
			}
		}
		return false
	})
}

// foldsCase: on most machines with these systems, names that differ only in case belong to the same
// file.
const foldsCase = runtime.GOOS == "windows" || runtime.GOOS == "darwin"

func TestSame(t *testing.T) {
	root, missing := layout(t)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "link", true}, {"a/b", "link/b", true}, {"deep", "link/b", true}, {"a", "a/b", false},
		{"link/new", "a/new", true}, {"link/new/x", "a/new/y", false}, {"dangling", "gone/x", true},
		{"chain", "gone/x", true}, {"dangling/y", "gone/x/y", true}, {"loop", "loop", true}, {"loop", "a", false},
		{"a/out", "elsewhere", true}, {"new", "gone", false}, {"a", "a", true}, {"a/b/../b", "a/b", true}, {"new", "new", true}, {"a", "elsewhere", false},
		{"A/B", "a/b", foldsCase}, {"A/New", "a/new", foldsCase},
	} {
		if missing(tt.a, tt.b) {
			continue
		}
		if got := Same(filepath.Join(root, tt.a), filepath.Join(root, tt.b)); got != tt.want {
			t.Errorf("Same(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

func TestInside(t *testing.T) {
	root, missing := layout(t)
	for _, tt := range []struct{ dir, parent, want string }{
		{"a/b", "a", "b"}, {"link/b", "a", "b"}, {"a/b", "link", "b"}, {"deep", "link", "b"}, {"a", "link", "."},
		{"link/new/x", "a", "new/x"}, {"a/out", "a", ""}, {"a", "a/b", ""}, {"ab", "a", ""}, {"dangling/y", "gone", "x/y"},
		{"a/..b", "link", "..b"}, {"elsewhere/x", "link/out", "x"},
		{"a/b/x", "a", "b/x"}, {"a", "a", "."}, {"elsewhere", "a", ""},
	} {
		if missing(tt.dir, tt.parent) {
			continue
		}
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
	root, missing := layout(t)
	for name, bad := range map[string]bool{
		"a": false, "link": false, "new": false, "link/new/x": false, "a/out/new": false,
		"dangling": true, "dangling/y": true, "chain": true, "loop": true, "file": true, "file/x": true,
	} {
		if missing(name) {
			continue
		}
		if err := Check(filepath.Join(root, name)); errors.Is(err, ErrUnusable) != bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}
