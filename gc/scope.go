package gc

import (
	"context"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// ReasonScope: all snapshots of a scope go.
const ReasonScope Reason = "of the scope"

// PlanScope says what RunScope would remove now.
func PlanScope(ctx context.Context, o Options, repo, scope string) (*Result, error) {
	return collectScope(ctx, o, repo, scope, true)
}

// RunScope removes all snapshots of a scope, such as that of a pull request that is closed, then
// the grades that gocache health has kept of them. It
// looks at nothing else, so it takes a few requests however large the store is. What no other
// snapshot names is unnamed from then on, and the next collections note and remove it, as they do
// after any snapshot has gone: jobs of other scopes may be about to name it.
func RunScope(ctx context.Context, o Options, repo, scope string) (*Result, error) {
	return collectScope(ctx, o, repo, scope, false)
}

func collectScope(ctx context.Context, o Options, repo, scope string, dry bool) (*Result, error) {
	r := newRun(o, dry)
	err := r.scope(ctx, snapshot.ManifestObject(repo, scope, nil)+"/", snapshot.KindManifest)
	if err == nil {
		err = r.scope(ctx, snapshot.ScopePrefix(repo, scope)+"/health/", snapshot.KindHealth)
	}
	return r.result(), err
}

// scope removes the objects of a kind below a prefix.
func (r *run) scope(ctx context.Context, prefix string, of snapshot.Kind) error {
	var batch []Removal
	for e, err := range r.Store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		r.Meter.Files.Add(1)
		if kind, _ := snapshot.KindOf(e.Name); kind != of {
			continue
		}
		batch = append(batch, Removal{
			Object: e.Name, Kind: of, Bytes: e.Size, Reason: ReasonScope,
			Detail: fmt.Sprintf("not written for %s", days(time.Since(e.ModTime))),
		})
		if len(batch) == store.MaxDelete {
			if err := r.removeAll(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return r.removeAll(ctx, batch)
}

// removeAll removes objects, or in a plan counts them.
func (r *run) removeAll(ctx context.Context, batch []Removal) error {
	failed := map[string]error{}
	if !r.dry && len(batch) > 0 {
		names := make([]string, len(batch))
		for i, x := range batch {
			names[i] = x.Object
		}
		failed = r.Store.Delete(ctx, names)
	}
	for _, x := range batch {
		err := failed[x.Object]
		switch {
		case err == nil:
			r.tally.removed(x)
		case endsAll(ctx, err):
			return err
		default:
			r.tally.failed(x, err)
		}
	}
	return nil
}
