package actions

import (
	"context"
	"strings"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// NewestExtra returns what --key-extra adds to the key of the newest snapshot that differs from the
// one with this name in nothing but that and the digest; "" is nothing. Without any it returns
// store.ErrNotFound.
func (s *Store) NewestExtra(ctx context.Context, manifest string) (extra string, err error) {
	if extra, err = s.reader.newestExtra(ctx, manifest); err != nil {
		return "", s.fail("look up", manifest, err)
	}
	return extra, nil
}

func (r *reader) newestExtra(ctx context.Context, manifest string) (string, error) {
	m, ok := snapshot.ParseManifestObject(manifest)
	if !ok {
		return "", store.ErrNotFound
	}
	if err := r.readable(); err != nil {
		return "", err
	}
	prefix := familyPrefix(m)
	found, _, err := r.service.lookup(ctx, prefix)
	if err != nil {
		return "", err
	}
	extra, ok := extraIn(found.key, prefix)
	if !ok {
		return "", store.ErrNotFound
	}
	return extra, nil
}

// extraIn reads EXTRA in the key of a snapshot entry of a family.
func extraIn(key, prefix string) (extra string, ok bool) {
	object, _, ok := splitNumber(key)
	rest, ours := strings.CutPrefix(strings.TrimSuffix(object, "-"), prefix)
	i := strings.LastIndexByte(rest, '-')
	if !ok || !ours || i < 0 {
		return "", false
	}
	return rest[:i], true
}
