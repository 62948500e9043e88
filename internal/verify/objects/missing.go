package objects

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// findMissing looks for the objects that manifests name and that were not seen. Their names have
// not been kept, so the manifests are read again, as they are now.
func (r *run) findMissing(ctx context.Context) error {
	unseen := map[gcnotes.Fingerprint]bool{}
	for i := range r.claims.list {
		if !r.claims.seen[i].Load() {
			unseen[r.claims.list[i].object] = true
		}
	}
	if len(unseen) == 0 {
		return nil
	}
	by := map[string][]string{} // manifests by the object that they name
	for _, manifest := range r.claims.manifests {
		names, err := r.names(ctx, manifest)
		if err != nil {
			return err
		}
		for _, name := range names {
			if unseen[gcnotes.FingerprintOf(name)] {
				by[name] = append(by[name], manifest)
			}
		}
	}
	return r.lookUp(ctx, by)
}

// names lists what a manifest names now. One that cannot be read any more is left to the next run.
func (r *run) names(ctx context.Context, manifest string) ([]string, error) {
	data, _, err := r.get(ctx, manifest, snapshot.MaxManifest)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case errors.Is(err, store.ErrDenied) && ctx.Err() == nil:
		return nil, r.unread(snapshot.KindManifest, manifest, err)
	case err != nil:
		return nil, store.Named("manifest", manifest, err)
	}
	r.readable()
	names, _ := snapshot.Names(data)
	return names, nil
}

// lookUp asks for each object whether it is there.
func (r *run) lookUp(ctx context.Context, by map[string][]string) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for _, name := range slices.Sorted(maps.Keys(by)) {
		g.Go(func() error {
			_, err := r.Store.Stat(gctx, name)
			if errors.Is(err, store.ErrDenied) && gctx.Err() == nil {
				return r.unread(kindOf(name), name, err)
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			for _, manifest := range slices.Compact(by[name]) {
				r.fault(Fault{Kind: snapshot.KindManifest, Name: manifest, Status: finding.Fail, Evidence: "it names " + name + ", which is missing"})
			}
			return nil
		})
	}
	return g.Wait()
}
