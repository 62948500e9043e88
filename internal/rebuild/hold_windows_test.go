package rebuild

import (
	"os"
	"testing"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// holdDir makes a directory that nobody can remove, until it is released.
func holdDir(t *testing.T, dir string) (release func()) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	return osfiletest.Hold(t, dir)
}

// TestOpenDirectory: a cache that a program has open cannot be set aside. The error says so, and
// all is as it was.
func TestOpenDirectory(t *testing.T) {
	w := newWorld(t)
	defer osfiletest.Hold(t, w.mod+`\\example.com\\dep@v1.0.0`)()
	before := state(t, w.mod)
	_, err := Run(t.Context(), w.options())
	if err == nil || differ(before, state(t, w.mod)) != "" {
		t.Errorf("error %v", err)
	}
}
