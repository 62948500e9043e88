package dir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// asideStore returns a store that replaces objects in two steps, as on Windows, so that misses look
// a second time. It has the object "a/aux" with "old".
func asideStore(t *testing.T) (s *Store, v store.Version) {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.objects.twoSteps = true
	return s, putText(t, s, "a/aux", "old")
}

func putText(t *testing.T, s *Store, name, text string) store.Version {
	t.Helper()
	info, err := s.Put(t.Context(), name, strings.NewReader(text), int64(len(text)), store.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return info.Version
}

// moveAside carries out the first step of a replacement.
func moveAside(t *testing.T, s *Store, name string) {
	t.Helper()
	path, err := s.objects.makeAside(name)
	if err := errors.Join(err, os.Rename(s.objects.layout.path(name), path)); err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, s *Store, name, text string) {
	t.Helper()
	if got, _, err := store.Get(t.Context(), s, name, 100); err != nil || string(got) != text {
		t.Errorf("%s has %q, want %q: %v", name, got, text, err)
	}
}

// TestKilledBetweenSteps: if the only copy of an object has been moved aside, the next operation of
// any kind puts it back first.
func TestKilledBetweenSteps(t *testing.T) {
	for what, use := range map[string]func(t *testing.T, s *Store, v store.Version) (text string){
		"read": func(t *testing.T, s *Store, _ store.Version) string { return "old" },
		"look up": func(t *testing.T, s *Store, v store.Version) string {
			if info, err := s.Stat(t.Context(), "a/aux"); err != nil || info.Version != v {
				t.Errorf("%v, %v", info, err)
			}
			return "old"
		},
		"list": func(t *testing.T, s *Store, _ store.Version) string {
			n := 0
			for e, err := range s.List(t.Context(), "a/") {
				if n++; err != nil || e.Name != "a/aux" {
					t.Errorf("%v, %v", e, err)
				}
			}
			if n != 1 {
				t.Errorf("%d objects", n)
			}
			return "old"
		},
		"touch": func(t *testing.T, s *Store, _ store.Version) string {
			if err := s.Touch(t.Context(), "a/aux"); err != nil {
				t.Error(err)
			}
			return "old"
		},
		"replace": func(t *testing.T, s *Store, v store.Version) string {
			if _, err := s.Put(t.Context(), "a/aux", strings.NewReader("new"), 3, store.Condition{IfMatch: v}); err != nil {
				t.Error(err)
			}
			return "new"
		},
		"write if absent": func(t *testing.T, s *Store, v store.Version) string {
			if _, err := s.Put(t.Context(), "a/aux", strings.NewReader("new"), 3, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
			return "old"
		},
		"write another": func(t *testing.T, s *Store, v store.Version) string {
			again, err := Open(s.Root()) // this sweeps
			if err != nil {
				t.Fatal(err)
			}
			putText(t, again, "b", "b")
			if _, err := os.Stat(s.objects.layout.path("a/aux")); err != nil {
				t.Error(err)
			}
			return "old"
		},
		"collect unfinished files": func(t *testing.T, s *Store, _ store.Version) string {
			for u, err := range s.Uploads(t.Context(), "", time.Now().Add(time.Hour)) {
				t.Errorf("%v, %v", u, err)
			}
			s.temp().removeStale()
			return "old"
		},
		"remove": func(t *testing.T, s *Store, _ store.Version) string {
			if failed := s.Delete(t.Context(), []string{"a/aux"}); failed != nil {
				t.Error(failed)
			}
			return ""
		},
		"remove a version": func(t *testing.T, s *Store, v store.Version) string {
			if err := s.DeleteVersion(t.Context(), "a/aux", "other"); !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
			moveAside(t, s, "a/aux")
			if err := s.DeleteVersion(t.Context(), "a/aux", v); err != nil {
				t.Error(err)
			}
			return ""
		},
	} {
		for _, twoSteps := range []bool{true, false} {
			t.Run(what, func(t *testing.T) {
				s, _ := asideStore(t)
				s.objects.twoSteps = twoSteps
				old := time.Now().Add(-2 * staleAfter)
				if err := os.Chtimes(s.objects.layout.path("a/aux"), old, old); err != nil {
					t.Fatal(err)
				}
				info, err := s.Stat(t.Context(), "a/aux")
				if err != nil {
					t.Fatal(err)
				}
				moveAside(t, s, "a/aux")
				if text := use(t, s, info.Version); text != "" {
					wantText(t, s, "a/aux", text)
				} else if _, err := s.Stat(t.Context(), "a/aux"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("removed: %v", err)
				}
				nothingAside(t, s)
			})
		}
	}
}

func nothingAside(t *testing.T, s *Store) {
	t.Helper()
	for _, dir := range []string{s.objects.layout.asideRoot(), s.objects.layout.tmp()} {
		if list, _ := os.ReadDir(dir); len(list) != 0 {
			t.Errorf("left: %v", list)
		}
	}
}

// TestKilledAfterSteps: an old file that was left aside does not come back, does not slow down
// look-ups of other objects, and is removed by the next write of the object.
func TestKilledAfterSteps(t *testing.T) {
	s, _ := asideStore(t)
	moveAside(t, s, "a/aux")
	if err := os.WriteFile(s.objects.layout.path("a/aux"), []byte("new"), 0o666); err != nil {
		t.Fatal(err)
	}
	wantText(t, s, "a/aux", "new")
	before := s.Requests()["HEAD"]
	fastest := time.Hour // the machine may be busy during some of them
	for range 20 {
		start := time.Now()
		if _, err := s.Stat(t.Context(), "b"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		fastest = min(fastest, time.Since(start))
	}
	if fastest > asidePause*asideTries/10 || s.Requests()["HEAD"] != before+20 {
		t.Errorf("each of 20 misses took %v or longer", fastest)
	}
	putText(t, s, "a/aux", "newer")
	wantText(t, s, "a/aux", "newer")
	nothingAside(t, s)
}

// TestReadBetweenSteps: a reader waits for a writer that is still running, but no longer than its
// context lasts.
func TestReadBetweenSteps(t *testing.T) {
	s, _ := asideStore(t)
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- s.objects.locked(context.Background(), "a/aux", func() error {
			path, err := s.objects.makeAside("a/aux")
			err = errors.Join(err, os.Rename(s.objects.layout.path("a/aux"), path))
			close(began)
			<-end
			return errors.Join(err, os.WriteFile(s.objects.layout.path("a/aux"), []byte("new"), 0o666), s.objects.settle("a/aux"))
		})
	}()
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, "a/aux"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(end) })
	wantText(t, s, "a/aux", "new")
	if err := <-done; err != nil {
		t.Error(err)
	}
	nothingAside(t, s)
}

func TestAsideName(t *testing.T) {
	s, _ := asideStore(t)
	for _, name := range []string{"a", "a/b", "con/aux.txt", "v2/modules/x@v1.0.0"} {
		if got, ok := s.objects.layout.asideName(s.objects.layout.aside(name)); !ok || got != name {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	for _, path := range []string{"con", "#", ".#store/x", "../tmp/x"} {
		if got, ok := s.objects.layout.asideName(filepath.Join(s.objects.layout.asideRoot(), filepath.FromSlash(path))); ok {
			t.Errorf("%s: %q", path, got)
		}
	}
}
