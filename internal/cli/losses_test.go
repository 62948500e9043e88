package cli

import (
	"slices"
	"testing"

	"github.com/org/gocache-action/restore"
)

// TestSpread: many losses of one kind do not hide a loss of another kind.
func TestSpread(t *testing.T) {
	var losses []restore.Loss
	for _, what := range []string{"example.com/a@v1.0.0", "example.com/b@v1.0.0", "build cache: directory 01", "build cache: directory 02", "lint"} {
		losses = append(losses, restore.Loss{What: what})
	}
	var got []string
	for _, l := range spread(losses) {
		got = append(got, l.What)
	}
	want := []string{"example.com/a@v1.0.0", "build cache: directory 01", "lint", "example.com/b@v1.0.0", "build cache: directory 02"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if spread(nil) != nil {
		t.Error("spread makes losses out of none")
	}
}
