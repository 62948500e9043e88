package mtimes

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestTime freezes the times, since with others the stored test results would be lost. All times
// lie in the range, and change with the content.
func TestTime(t *testing.T) {
	for content, want := range map[string]string{
		"":        "2000-03-03T16:30:10.4261652Z",
		"hello\n": "2012-11-06T20:49:57.8853128Z",
	} {
		if got := Time(sha256.Sum256([]byte(content))).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q has time %s, want %s", content, got, want)
		}
	}
	seen := map[time.Time]bool{}
	for i := range 100_000 {
		at := Time(sha256.Sum256(fmt.Append(nil, i)))
		if at.Year() < 2000 || at.Year() > 2017 || at.Nanosecond()%100 != 0 || seen[at] {
			t.Fatalf("time %v of content %d", at, i)
		}
		seen[at] = true
	}
}

// tree lays out files by name; a name that ends in a slash is a directory.
func tree(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, content := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if name[len(name)-1] == '/' {
			os.Mkdir(full, 0o755)
		} else if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// times returns the modification times of these names below root, in their order.
func times(t *testing.T, root string, names ...string) (list []time.Time) {
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, info.ModTime())
	}
	return list
}

func set(t *testing.T, root string, tracked ...string) Result {
	res, err := Set(t.Context(), root, tracked)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestDirectories: the time of a directory depends only on the names, modes and contents below it,
// and is not set if there is something untracked below it.
func TestDirectories(t *testing.T) {
	tracked := []string{"a/x", "a/b/y", "c/z"}
	files := map[string]string{"a/x": "1", "a/b/y": "2", "c/z": "3", ".git/HEAD": ""}
	first, second := tree(t, files), tree(t, files)
	set(t, first, tracked...)
	if res := set(t, second, tracked...); res.Files != 3 || res.Directories != 4 || res.Changed != 7 || res.Bytes != 3 {
		t.Errorf("%+v", res)
	}
	all := []string{".", "a", "a/b", "c", "a/x", "a/b/y", "c/z"}
	want := times(t, first, all...)
	for i, got := range times(t, second, all...) {
		if !got.Equal(want[i]) || got.Year() > 2017 {
			t.Errorf("%s has %v, want %v", all[i], got, want[i])
		}
	}
	change := func(what string, root string, changed int, tracked ...string) {
		t.Helper()
		set(t, root, tracked...)
		n := 0
		for i, got := range times(t, root, ".", "a", "a/b", "c") {
			if !got.Equal(want[i]) {
				n++
			}
		}
		if n != changed {
			t.Errorf("%s: %d directories have another time, want %d", what, n, changed)
		}
	}
	files["a/b/y"] = "4"
	change("content", tree(t, files), 3, tracked...)
	files["a/b/y"] = "2"
	renamed := tree(t, files)
	os.Rename(filepath.Join(renamed, "c/z"), filepath.Join(renamed, "c/w"))
	change("name", renamed, 2, "a/x", "a/b/y", "c/w")
	mode := tree(t, files)
	os.Chmod(filepath.Join(mode, "c/z"), 0o755)
	if os.PathSeparator == '/' {
		change("mode", mode, 2, tracked...)
	}
	files["a/b/untracked"] = ""
	change("not tracked", tree(t, files), 3, tracked...)
	delete(files, "a/b/untracked")
	files["a/b/empty/"] = ""
	change("empty directory", tree(t, files), 3, tracked...)
	change("submodule that is not there", tree(t, files), 3, "a/x", "a/b/y", "a/b/empty", "c/z")
}

// TestLinks: the time of a link depends on the name of its target. A link is never followed, even
// if it has replaced a tracked directory.
func TestLinks(t *testing.T) {
	outside := tree(t, map[string]string{"x": "secret"})
	root := tree(t, map[string]string{"b": "1"})
	for name, target := range map[string]string{"dir": outside, "link": "b"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skip("cannot make symbolic links: ", err)
		}
	}
	before := times(t, outside, "x", ".")
	res := set(t, root, "dir/x", "link", "b", "../"+filepath.Base(outside)+"/x", "missing/file")
	if res.Files != 2 || res.LeftAlone != 0 || res.Directories != 0 {
		t.Errorf("%+v", res)
	}
	for i, got := range times(t, outside, "x", ".") {
		if !got.Equal(before[i]) {
			t.Error("something outside the root was touched")
		}
	}
	if got := times(t, root, "link", "b"); got[0].Year() > 2017 || got[0].Equal(got[1]) {
		t.Errorf("link and file have %v", got)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Set(ctx, tree(t, map[string]string{"a": ""}), []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Set(t.Context(), filepath.Join(t.TempDir(), "missing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
