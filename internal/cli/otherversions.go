package cli

import (
	"context"
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

// tellOtherVersions says, after a miss, for which other Go versions there are snapshots of this
// name: with a new Go version everything is compiled again, and nothing else would say why. It says
// nothing if the store cannot be listed, or not by this job.
func tellOtherVersions(ctx context.Context, out *console, st store.Store, p *project) {
	c, ok := st.(store.Collector)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	k := p.key.Key
	for _, scope := range []string{p.id.Scope, p.id.BaseScope, p.id.DefaultScope} {
		if scope == "" {
			continue
		}
		prefix := snapshot.ManifestObject(p.id.Repo, scope, []string{k.Name, k.OS, k.Arch}) + "/"
		if others := versionsBelow(ctx, c, prefix, k.Go); len(others) > 0 {
			out.say("there are snapshots of %s in %s, but none of %s: everything is compiled anew, once", strings.Join(others, ", "), scope, k.Go)
			return
		}
	}
}

// versionsBelow returns, sorted, the Go versions other than but that have snapshots below a prefix.
func versionsBelow(ctx context.Context, c store.Collector, prefix, but string) []string {
	seen := map[string]bool{}
	n := 0
	for e, err := range c.List(ctx, prefix) {
		if n++; err != nil || n > maxListed {
			break
		}
		version, _, _ := strings.Cut(strings.TrimPrefix(e.Name, prefix), "/")
		seen[version] = true
	}
	delete(seen, snapshot.Escape(but))
	var list []string
	for version := range seen {
		list = append(list, version)
	}
	slices.Sort(list)
	return list
}
