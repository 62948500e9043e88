package hostile

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestCircuit: if the store did not answer the restore of a job, the save of that job makes one
// request, and gives up if that fails too. When the store is back, it saves as usual.
func TestCircuit(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	down := &storetest.Faulty{Store: st, Before: func(context.Context, storetest.Call) (bool, error) { return false, store.ErrUnreachable }}
	res, err := restore.Run(context.Background(), shared.RestoreOptions(t, down))
	if !errors.Is(err, store.ErrUnreachable) || !res.State.Unreachable {
		t.Fatalf("restore: %v, state %+v", err, res.State)
	}
	before := down.Calls()
	o := shared.SaveOptions(t, down)
	o.State = &res.State
	if _, err := save.Run(context.Background(), o); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("save: %v", err)
	}
	if n := down.Calls() - before; n != 1 {
		t.Errorf("%d requests to a store that does not answer, want 1", n)
	}
	if saved := shared.Save(t, st, func(o *save.Options) { o.State = &res.State }); !saved.Written {
		t.Errorf("save after the store came back: %+v", saved)
	}
}
