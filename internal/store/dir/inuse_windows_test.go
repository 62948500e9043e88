package dir

import (
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/store"
)

// TestObjectInUse: another program has an object's file open without sharing it. A write waits a
// moment for that to end. If it does not end, only this write fails, and the old object stays.
func TestObjectInUse(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, body string) error {
		_, err := s.Put(t.Context(), name, strings.NewReader(body), int64(len(body)), store.Condition{})
		return err
	}
	want := func(name, body string) {
		t.Helper()
		if got, _, err := store.Get(t.Context(), s, name, 100); string(got) != body {
			t.Errorf("%s has %q, want %q: %v", name, got, body, err)
		}
	}
	if err := put("x", "old"); err != nil {
		t.Fatal(err)
	}
	release := osfiletest.Hold(t, s.objects.layout.path("x"))
	time.AfterFunc(500*time.Millisecond, release)
	if err := put("x", "new"); err != nil {
		t.Errorf("file open for half a second: %v", err)
	}
	want("x", "new")

	release = osfiletest.Hold(t, s.objects.layout.path("x"))
	defer release()
	if err := put("x", "newer"); !osfile.IsLocked(err) {
		t.Errorf("file open all the time: %v", err)
	}
	if err := put("y", "other"); err != nil {
		t.Error(err)
	}
	want("x", "new")
	want("y", "other")
	if failed := s.Delete(t.Context(), []string{"x", "y"}); failed["x"] == nil || failed["y"] != nil {
		t.Errorf("deleted: %v", failed)
	}
	want("x", "new")
	for name, problem := range map[string]bool{"x": true} {
		if _, err := s.Stat(t.Context(), name); (err == nil) != problem {
			t.Errorf("%s: %v", name, err)
		}
	}
}
