package build

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
)

// TestUnreadableOutputs: an output that could not be read for verification is not used, but its
// file is kept; only an output with wrong bytes is removed.
func TestUnreadableOutputs(t *testing.T) {
	inv, _ := collecttest.Inventory(t, "entry a1 o1 10 -\nentry a2 o2 10 -\nentry a3 o3 10 -")
	h := State{Inventory: inv}
	denied := &fs.PathError{Op: "open", Path: "o2", Err: fs.ErrPermission}
	h.drop([]error{nil, denied, errWrong})
	if len(h.Wrong) != 1 || h.Wrong[0].ID != collecttest.ID("o3") {
		t.Errorf("%d outputs would be removed: %v", len(h.Wrong), h.Wrong)
	}
	if len(inv.Unread) != 1 || !errors.Is(inv.Unread[0], fs.ErrPermission) {
		t.Errorf("not known: %v", inv.Unread)
	}
	if len(inv.Entries) != 1 || inv.Entries[0].Action != collecttest.ID("a1") {
		t.Errorf("entries that are used: %v", inv.Entries)
	}
}

// TestProveOutputs: verification distinguishes outputs that are gone from wrong ones.
func TestProveOutputs(t *testing.T) {
	l := cacheWith(t, t.TempDir(), "one", "two")
	outputs := append([]buildcache.Output{}, l.inv.Outputs...)
	outputs = append(outputs, buildcache.Output{ID: collecttest.ID("absent"), Size: 3})
	errs, err := proveOutputs(t.Context(), l.cache, outputs)
	if err != nil || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], fs.ErrNotExist) || errors.Is(errs[2], errWrong) {
		t.Errorf("%v, %v", errs, err)
	}
}
