package lookup

import (
	"context"
	"errors"
	"slices"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// find is First for a store that itself looks for the first of several objects: one request, unless
// what it finds is damaged.
func (r Reader) find(ctx context.Context, f store.Finder, cands []Candidate) (found Found, passed []Found, err error) {
	for rest := cands; len(rest) > 0; {
		names := make([]string, len(rest))
		for i, c := range rest {
			names[i] = c.Object
		}
		n, body, info, err := f.First(ctx, names)
		if errors.Is(err, store.ErrNotFound) {
			return Found{}, passed, nil
		}
		if err != nil {
			return Found{}, passed, store.Named("manifest", names[n], err)
		}
		got := r.read(ctx, rest[n], opened{body, info, nil}, nil)
		body.Close()
		switch {
		case got.Manifest != nil:
			return got, passed, nil
		case got.Damaged():
			passed = append(passed, got)
		case got.Err != nil:
			return Found{}, passed, got.Err
		}
		rest = rest[n+1:]
	}
	return Found{}, passed, nil
}

// own returns the candidate that a manifest names itself, where the store keeps nothing under the
// latest key, and the newest snapshot of any digest stands for it.
func (r Reader) own(c Candidate, m *snapshot.Manifest) Candidate {
	n := len(c.Key) - 1
	if _, ok := r.Store.(store.Bundler); !ok || n < 0 || c.Key[n] != snapshot.Latest || len(m.Key) != len(c.Key) {
		return c
	}
	c.Key = append(slices.Clone(c.Key[:n]), m.Digest)
	c.Object = snapshot.ManifestObject(r.Repo, c.Scope, c.Key)
	return c
}

// Missed returns the sound manifests of a candidate that was read which its newest version does not
// build upon; see store.Bundler.
func (r Reader) Missed(ctx context.Context, c Candidate) (list []*snapshot.Manifest, err error) {
	b, ok := r.Store.(store.Bundler)
	if !ok {
		return nil, nil
	}
	all, err := b.Missed(ctx, c.Object)
	if err != nil {
		return nil, store.Named("manifest", c.Object, err)
	}
	for _, data := range all {
		m, err := r.Trust.DecodeManifestLike(data, r.now(), nil)
		if err == nil && m.IsFor(r.Repo, c.Scope, c.Key) == nil {
			list = append(list, m)
		}
	}
	return list, nil
}
