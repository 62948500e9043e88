package save

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// previous is what the store has already: the manifests that this save builds on.
type previous struct {
	exact, latest lookup.Found // in the own scope
	joined        bool         // exact is more than what is stored under its key
	// of the manifests, best first: own exact, the one restored, own latest
	stock *collect.Stock
}

func (j job) reader() lookup.Reader {
	return lookup.Reader{Store: j.Store, Repo: j.Repo, Trust: j.Trust, Now: j.Now}
}

// readPrevious fetches the manifests that matter, and finds out which of their packs are still
// good.
func (j gatherer) readPrevious(ctx context.Context) (previous, error) {
	k := j.Keys.Key
	own := lookup.Candidates(j.Repo, []string{j.Scope}, k.Exact(), k.Latest())
	found, err := j.reader().All(ctx, own)
	if err != nil {
		return previous{}, err
	}
	joined, err := j.joinMissed(ctx, found)
	if err != nil {
		return previous{}, err
	}
	base, err := j.readBase(ctx, own, found)
	if err != nil {
		return previous{}, err
	}
	var list []*snapshot.Manifest
	for _, f := range []lookup.Found{found[0], base, found[1]} {
		if f.Err != nil {
			j.log.warn("%v: it will be replaced", f.Err)
		}
		if f.Manifest != nil && !slices.ContainsFunc(list, f.Manifest.SharesTables) {
			list = append(list, f.Manifest)
		}
	}
	bad, err := j.findDamage(ctx, list)
	if err != nil {
		return previous{}, err
	}
	return previous{found[0], found[1], joined, collect.NewStock(list, bad)}, nil
}

// joinMissed adds to the own snapshot what another save has published and its newest version does
// not build upon, and reports whether there was any.
func (j job) joinMissed(ctx context.Context, found []lookup.Found) (bool, error) {
	own := &found[0]
	if own.Manifest == nil {
		return false, nil
	}
	missed, err := j.reader().Missed(ctx, own.Candidate)
	if err != nil {
		return false, err
	}
	joined := false
	for _, m := range missed {
		if !includes(own.Manifest, m) { // else somebody has added it already
			own.Manifest, joined = snapshot.Join(own.Manifest, m), true
		}
	}
	return joined, nil
}

// readBase fetches the snapshot that the restore of this job used, where that is in another
// scope; without a state, the one that a restore would use.
func (j gatherer) readBase(ctx context.Context, own []lookup.Candidate, read []lookup.Found) (lookup.Found, error) {
	k := j.Keys.Key
	cands := lookup.Candidates(j.Repo, []string{j.BaseScope, j.DefaultScope}, k.Exact(), k.Latest())
	if j.State != nil && j.State.Matched != nil {
		m := j.State.Matched
		cands = []lookup.Candidate{{Scope: m.Scope, Key: m.Key, Object: snapshot.ManifestObject(j.Repo, m.Scope, m.Key)}}
	}
	if len(cands) > 0 && (cands[0].Object == own[0].Object || cands[0].Object == own[1].Object) {
		return lookup.Found{}, nil
	}
	for _, f := range read { // what stands for the latest one names its own key
		if len(cands) > 0 && f.Manifest != nil && f.Object == cands[0].Object {
			return lookup.Found{}, nil
		}
	}
	found, _, err := j.reader().First(ctx, cands)
	if errors.Is(err, store.ErrDenied) {
		return lookup.Found{}, nil // another scope that this job may not read is as good as absent
	}
	return found, err
}

// findDamage learns which objects of the previous manifests cannot be built upon: those that the
// restore of this job found damaged, those that are gone or have another size, which a lifecycle
// rule or a broken upload can bring about, and those that a garbage collection has noted. What lies
// in them counts as not stored, and is uploaded anew if it is here.
func (j gatherer) findDamage(ctx context.Context, list []*snapshot.Manifest) (collect.Damage, error) {
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error { return j.notes.read(both) })
	var gone []string
	g.Go(func() (err error) {
		gone, err = j.checkPacks(both, packSizes(list))
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	bad := collect.Damage{}
	if j.State != nil {
		for _, d := range j.State.Damaged {
			bad.Mark(d.Object, d.Frame)
		}
	}
	for _, object := range gone {
		bad.Mark(object, -1)
	}
	for _, m := range list {
		for _, object := range collect.Objects(m) {
			if j.notes.noted(object) {
				bad.Mark(object, -1)
			}
		}
	}
	return bad, nil
}

func packSizes(list []*snapshot.Manifest) map[string]int64 {
	sizes := map[string]int64{}
	for _, m := range list {
		for _, p := range m.Packs {
			sizes[p.Object] = p.Size
		}
	}
	return sizes
}

// checkPacks returns the packs that are not in the store with their size.
func (j gatherer) checkPacks(ctx context.Context, sizes map[string]int64) ([]string, error) {
	objects := slices.Sorted(maps.Keys(sizes))
	bad := make([]bool, len(objects)) // each worker has one of them
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(j.Concurrency)
	for i, object := range objects {
		g.Go(func() error {
			info, err := j.Store.Stat(ctx, object)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			bad[i] = err != nil || info.Size != sizes[object]
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	gone := objects[:0]
	for i, object := range objects {
		if bad[i] {
			gone = append(gone, object)
		}
	}
	return gone, nil
}
