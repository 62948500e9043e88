package dir_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

func backdate(t *testing.T, path string, age time.Duration) {
	t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func TestTouchMakesNew(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := put(s, "a/nul", []byte("x"), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	backdate(t, filepath.Join(root, "a", "#nul#"), 1000*time.Hour)
	if err := s.Touch(context.Background(), "a/nul"); err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(context.Background(), "a/nul")
	if err != nil || time.Since(info.ModTime).Abs() > time.Minute {
		t.Errorf("%v, %v", info.ModTime, err)
	}
	if got := files(t, root); len(got) != 1 {
		t.Errorf("files: %q", got)
	}
}

// TestUploads: the unfinished files of killed writers are found by age, and removed.
func TestUploads(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	tmp := filepath.Join(root, ".#store", "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "young"} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte("123"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	backdate(t, filepath.Join(tmp, "old"), 48*time.Hour)
	n := 0
	for u, err := range s.Uploads(context.Background(), "v1/", time.Now().Add(-24*time.Hour)) {
		if n++; err != nil || u.ID != "old" || u.Size != 3 {
			t.Errorf("%+v, %v", u, err)
		}
		if err := s.AbortUpload(context.Background(), u); err != nil {
			t.Error(err)
		}
	}
	if got := files(t, root); n != 1 || len(got) != 1 || got[0] != ".#store/tmp/young" {
		t.Errorf("%d uploads, files left: %q", n, got)
	}
	for _, id := range []string{"", "..", "../../a", "x/y"} {
		if err := s.AbortUpload(context.Background(), store.Upload{ID: id}); err == nil {
			t.Errorf("id %q is accepted", id)
		}
	}
}

// TestDeleteLeavesNoDirectories: when the last object of a branch is removed, its directories are
// removed as well.
func TestDeleteLeavesNoDirectories(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	for _, n := range []string{"a/b/c/d", "a/x"} {
		if err := put(s, n, nil, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	if failed := s.Delete(context.Background(), []string{"a/b/c/d", "a"}); failed != nil {
		t.Fatal(failed)
	}
	if _, err := os.Stat(filepath.Join(root, "a", "b")); err == nil {
		t.Error("an empty directory is left")
	}
	if failed := s.Delete(context.Background(), []string{"a/x"}); failed != nil {
		t.Fatal(failed)
	}
	if _, err := os.Stat(root); err != nil {
		t.Error(err)
	}
}

// TestPutBesideDelete removes the last object of a directory, and thus the directory, while others
// are put into it.
func TestPutBesideDelete(t *testing.T) {
	s := open(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			name := fmt.Sprintf("p/q/r/%d", w)
			for range 200 {
				if err := put(s, name, []byte("x"), store.Condition{}); err != nil {
					t.Errorf("put: %v", err)
				}
				if failed := s.Delete(context.Background(), []string{name}); failed != nil {
					t.Errorf("delete: %v", failed)
				}
			}
		})
	}
	wg.Wait()
}
