package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Bounds of the listing after a miss. It serves one sentence only, so it may be incomplete.
const (
	maxListed   = 1000 // objects of a scope
	listTimeout = 5 * time.Second
)

// tellOtherKeys says, after a miss, for which other values of --key-extra, or else Go versions,
// there are snapshots of this name: with a new value everything is compiled again, and nothing else
// would say why. It says nothing if the store cannot tell, or does not tell this job.
func tellOtherKeys(ctx context.Context, out *console, st store.Store, p *project) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	for _, scope := range slices.Compact([]string{p.id.Scope, p.id.BaseScope, p.id.DefaultScope}) {
		if scope == "" {
			continue
		}
		others := findOtherKeys(ctx, st, p, scope)
		switch {
		case len(others.extras) > 0:
			out.say("other key-extra: there are snapshots in %s with %s, but none with %s: everything is compiled anew, once, and modules come by go.sum",
				scope, strings.Join(others.extras, ", "), shownExtra(p.key.Key.Extra))
			return
		case len(others.versions) > 0:
			out.say("there are snapshots of %s in %s, but none of %s: everything is compiled anew, once", strings.Join(others.versions, ", "), scope, p.key.Key.Go)
			return
		}
	}
}

// shownExtra is an element of keys as people read it.
func shownExtra(extra string) string { return cmp.Or(extra, "none") }

// otherKeys are those of snapshots of the same name and system.
type otherKeys struct {
	versions []string // of Go; sorted
	extras   []string // of the same Go version, for people; sorted
}

// extrasTeller is a store that cannot be listed by everybody, and knows the newest snapshot
// whatever its --key-extra.
type extrasTeller interface {
	NewestExtra(ctx context.Context, manifest string) (extra string, err error)
}

func findOtherKeys(ctx context.Context, st store.Store, p *project, scope string) (found otherKeys) {
	k := p.key.Key
	switch s := st.(type) {
	case store.Collector:
		prefix := snapshot.ManifestObject(p.id.Repo, scope, []string{k.Name, k.OS, k.Arch}) + "/"
		return keysBelow(ctx, s, prefix, k.Go, k.Extra)
	case extrasTeller:
		extra, err := s.NewestExtra(ctx, snapshot.ManifestObject(p.id.Repo, scope, k.Latest()))
		if err == nil && extra != k.Extra {
			found.extras = []string{shownExtra(extra)}
		}
	}
	return found
}

// keysBelow returns what the snapshots below a prefix have as Go version and extra, except those
// that a job with this version and extra would have found.
func keysBelow(ctx context.Context, c store.Collector, prefix, version, extra string) (found otherKeys) {
	versions, extras := map[string]bool{}, map[string]bool{}
	n := 0
	for e, err := range c.List(ctx, prefix) {
		if n++; err != nil || n > maxListed {
			break
		}
		m, ok := snapshot.ParseManifestObject(e.Name)
		switch {
		case !ok:
		case m.Family[3] != snapshot.Escape(version):
			versions[m.Family[3]] = true
		case m.Extra != extra:
			extras[shownExtra(m.Extra)] = true
		}
	}
	return otherKeys{sortedKeys(versions), sortedKeys(extras)}
}

func sortedKeys[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
