package actions

import (
	"context"
	"strings"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// An EntryKind says what an entry of the service is.
type EntryKind string

// The kinds of entries of this program, and all others.
const (
	SnapshotEntry EntryKind = "snapshot"
	ObjectEntry   EntryKind = "object" // another one that is replaced
	ModuleBundle  EntryKind = "module bundle"
	OtherBundle   EntryKind = "bundle"
	ForeignEntry  EntryKind = ""
)

// ParseKey says what a key is of. Of what is replaced, object is the same for all versions, and n
// tells them apart: the highest counts.
func ParseKey(key string) (kind EntryKind, object string, n uint64) {
	switch {
	case strings.HasPrefix(key, moduleKeys):
		return ModuleBundle, "", 0
	case strings.HasPrefix(key, bundleKeys):
		return OtherBundle, "", 0
	case strings.HasPrefix(key, snapshotKeys):
		kind = SnapshotEntry
	case strings.HasPrefix(key, objectKeys):
		kind = ObjectEntry
	default:
		return ForeignEntry, "", 0
	}
	object, n, ok := splitNumber(key)
	if !ok {
		return ForeignEntry, "", 0
	}
	return kind, object, n
}

// BundlesOf returns the keys of the bundles that an entry names: a snapshot entry those in which
// its objects lie, a bundle with modules the earlier ones. It returns store.ErrNotFound for an
// entry that this job cannot see, as those of the refs of other pull requests.
func (s *Store) BundlesOf(ctx context.Context, key string) ([]string, error) {
	l, err := s.reader.tableOf(ctx, key)
	if err != nil {
		return nil, s.fail("read", key, err)
	}
	var list []string
	for _, b := range l.Bundles {
		if b.Key != "" {
			list = append(list, b.Key)
		}
	}
	return list, nil
}

// tableOf reads the table that an entry begins with.
func (r *reader) tableOf(ctx context.Context, key string) (*snapshot.Locations, error) {
	if err := r.readable(); err != nil {
		return nil, err
	}
	m, ok, err := r.service.lookup(ctx, key)
	if err != nil {
		return nil, err
	}
	if !ok || m.key != key {
		return nil, store.ErrNotFound
	}
	b, err := r.places.matched(ctx, m)
	if err != nil {
		return nil, err
	}
	in := &pieceReader{ctx: ctx, reader: r, blob: b}
	defer in.close()
	kind := snapshot.ObjectsFollow
	if k, _, _ := ParseKey(key); k == SnapshotEntry {
		kind = snapshot.ManifestFollow
	}
	l, _, err := snapshot.ReadLocations(in, kind)
	return l, err
}
