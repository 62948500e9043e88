package e2etest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tree describes every file below root that a restore must bring back: its mode, and the hash of
// its content.
func Tree(t testing.TB, root string) map[string]string {
	t.Helper()
	out, err := ReadTree(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ReadTree is like Tree, for goroutines other than that of the test.
func ReadTree(root string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if NotRestored(rel) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.Contains(rel, "@") && !strings.Contains(rel, "@v") {
				out[rel] = info.Mode().String()
			}
			return nil
		}
		data, err := os.ReadFile(p)
		out[rel] = fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(data))
		return err
	})
	return out, err
}

// NotRestored reports whether a file is, by design, not part of a snapshot.
func NotRestored(rel string) bool {
	switch filepath.Base(rel) {
	case "list", "lock", "trim.txt", "testexpire.txt", "README":
		return true
	}
	return strings.HasSuffix(rel, ".lock") || strings.HasSuffix(rel, ".zip") || strings.Contains(rel, "cache/vcs") || strings.Contains(rel, "cache/gocache-stage")
}

// MustEqualTrees compares the caches with the reference.
func (w *World) MustEqualTrees(t testing.TB) {
	t.Helper()
	for _, half := range []string{"mod", "build"} {
		want := Tree(t, filepath.Join(w.Reference, half))
		got := Tree(t, filepath.Join(filepath.Dir(w.Mod), half))
		for name, x := range want {
			if got[name] != x {
				t.Errorf("%s/%s is %q, want %q", half, name, got[name], x)
			}
			delete(got, name)
		}
		for name := range got {
			t.Errorf("%s/%s should not be there", half, name)
		}
	}
}

// ChangeObject reads, changes and writes back an object of a directory store.
func ChangeObject(t testing.TB, root, name string, change func([]byte) []byte) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if data = change(bytes.Clone(data)); data == nil {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Overwrite changes a file in place, read-only or not.
func Overwrite(t testing.TB, file string, change func([]byte) []byte) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(file, 0o644), os.WriteFile(file, change(data), 0o644), os.Chmod(file, info.Mode())); err != nil {
		t.Fatal(err)
	}
}

// NoLeftovers demands that no stage and no temporary file is left in the caches.
func (w *World) NoLeftovers(t testing.TB) {
	t.Helper()
	filepath.WalkDir(filepath.Dir(w.Mod), func(p string, d fs.DirEntry, err error) error {
		if err == nil && isLeft(d.Name()) {
			t.Errorf("%s was left behind", p)
		}
		return nil
	})
}

// isLeft reports whether a file is a stage, a temporary file, or a partial output.
func isLeft(name string) bool {
	return strings.Contains(name, "gocache-stage") && !strings.HasSuffix(name, ".lock") ||
		strings.HasPrefix(name, ".tmp") || strings.Contains(name, "-d.") && strings.HasSuffix(name, ".partial")
}
