package actions

import (
	"context"
	"fmt"
	"io"
	"regexp"
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

// A SnapshotKey is what the key of a snapshot entry says.
type SnapshotKey struct {
	Family   string // hash of the repository, the name, the system and the Go version
	Readable string // name, system and Go version, as far as a key can have them
	Extra    string // the element of the key that --key-extra makes; "": none
	Digest   string // hash of the digest
	N        uint64 // the version
}

// snapshotKeyRE is the form of the keys that familyPrefix begins.
var snapshotKeyRE = regexp.MustCompile(`^([0-9a-f]{32})-([a-z0-9._]+)-[0-9a-f]{16}-((?:[a-z0-9_]+-[0-9a-f]{16})?)-([0-9a-f]{32})-$`)

// ParseSnapshotKey takes the key of a snapshot entry apart.
func ParseSnapshotKey(key string) (k SnapshotKey, ok bool) {
	prefix, n, ok := splitNumber(key)
	rest, ours := strings.CutPrefix(prefix, snapshotKeys)
	m := snapshotKeyRE.FindStringSubmatch(rest)
	if !ok || !ours || m == nil {
		return SnapshotKey{}, false
	}
	return SnapshotKey{Family: m[1], Readable: m[2], Extra: m[3], Digest: m[4], N: n}, true
}

// IsOf reports whether the snapshot is one of this name in this repository.
func (k SnapshotKey) IsOf(repo, name string) bool {
	return strings.HasPrefix(k.Family, hash(16, snapshot.Escape(repo), snapshot.Escape(name)))
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

// ManifestOf returns the manifest in a snapshot entry, as it is stored, whose objects can be read
// from then on, and store.ErrNotFound for an
// entry that this job cannot see.
func (s *Store) ManifestOf(ctx context.Context, key string) ([]byte, error) {
	data, err := s.reader.manifestOf(ctx, key)
	if err != nil {
		return nil, s.fail("read", key, err)
	}
	return data, nil
}

func (r *reader) manifestOf(ctx context.Context, key string) ([]byte, error) {
	in, err := r.openKey(ctx, key)
	if err != nil {
		return nil, err
	}
	defer in.close()
	l, _, err := snapshot.ReadLocations(in, snapshot.ManifestFollow)
	if err != nil {
		return nil, err
	}
	r.places.learn(l, false, false)
	data, err := io.ReadAll(io.LimitReader(in, snapshot.MaxManifest+1))
	if len(data) > snapshot.MaxManifest {
		err = fmt.Errorf("%w: the manifest has more than %d bytes", snapshot.ErrCorrupt, snapshot.MaxManifest)
	}
	return data, err
}

// openKey opens the entry of exactly this key.
func (r *reader) openKey(ctx context.Context, key string) (*pieceReader, error) {
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
	return &pieceReader{ctx: ctx, reader: r, blob: b}, nil
}

// tableOf reads the table that an entry begins with.
func (r *reader) tableOf(ctx context.Context, key string) (*snapshot.Locations, error) {
	in, err := r.openKey(ctx, key)
	if err != nil {
		return nil, err
	}
	defer in.close()
	kind := snapshot.ObjectsFollow
	if k, _, _ := ParseKey(key); k == SnapshotEntry {
		kind = snapshot.ManifestFollow
	}
	l, _, err := snapshot.ReadLocations(in, kind)
	return l, err
}
