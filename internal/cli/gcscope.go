package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/usage"
)

// scopedRepo is the repository of --scope; "" without that flag.
func scopedRepo(ctx context.Context, r *run) (string, error) {
	if r.cfg.Scope == "" {
		return "", nil
	}
	repo, err := repoOf(ctx, r)
	if err != nil {
		return "", err
	}
	id := ci.Identity{Repo: repo, Scope: r.cfg.Scope}
	if id.Repo == "" {
		return "", usage.Errorf("--scope is one of a repository, and it is not known of which: give --repo")
	}
	return id.Repo, id.Check()
}

// writeScope prints for people what became of the snapshots of a scope. Nothing else was looked at.
func (o gcOutput) writeScope(w io.Writer) error {
	of := fmt.Sprintf("snapshots of %s in %s", o.Scope, o.Repo)
	if o.Total.Objects == 0 {
		_, err := fmt.Fprintf(w, "%s: there are no %s\n", o.Store, of)
		return err
	}
	verb := "removed"
	if o.DryRun {
		verb = "would remove"
	}
	for _, x := range o.Removals[:min(len(o.Removals), listedRemovals)] {
		if _, err := fmt.Fprintf(w, "%s %s, %s\n", verb, x.Object, quantity.Bytes(x.Bytes)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s: %s %s %s, %s; what they alone have named goes with later collections\n",
		o.Store, verb, quantity.Count(o.Kinds[snapshot.KindManifest].Removed.Objects), of, quantity.Bytes(o.Total.Bytes))
	return err
}
