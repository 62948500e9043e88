package gc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// ReasonSelected: whoever runs the collection named the snapshot.
const ReasonSelected Reason = "named by you"

// A Selection is of snapshots of one repository.
type Selection struct {
	Repo  string
	Scope string // "": all scopes
	Name  string // "": all names
}

// prefixes is where to look for what is selected: the fewest objects there are.
func (s Selection) prefixes() []string {
	if s.Scope == "" {
		return []string{snapshot.RepoPrefix(s.Repo) + "/"}
	}
	if s.Name == "" {
		return []string{snapshot.ManifestObject(s.Repo, s.Scope, nil) + "/", snapshot.ScopePrefix(s.Repo, s.Scope) + "/health/"}
	}
	return []string{snapshot.ManifestObject(s.Repo, s.Scope, []string{s.Name}) + "/", snapshot.HealthObject(s.Repo, s.Scope, s.Name)}
}

// Has reports whether an object is a manifest, or a grade that gocache health has kept, of what is
// selected.
func (s Selection) Has(object string) bool {
	kind, repo := snapshot.KindOf(object)
	if kind != snapshot.KindManifest && kind != snapshot.KindHealth || repo != snapshot.Escape(s.Repo) {
		return false
	}
	e := strings.Split(object, "/")
	return (s.Scope == "" || e[3] == snapshot.Escape(s.Scope)) && (s.Name == "" || e[5] == snapshot.Escape(s.Name))
}

// PlanSelected says what RunSelected would remove now.
func PlanSelected(ctx context.Context, o Options, sel Selection) (*Result, error) {
	return collectSelected(ctx, o, sel, true)
}

// RunSelected removes all snapshots that are selected, such as those of a pull request that is
// closed, and the grades that gocache health has kept of them. It looks at nothing else, so with a
// scope it takes a few requests however large the store is. What no other snapshot names is unnamed
// from then on, and the next collections note and remove it, as they do after any snapshot has
// gone: other jobs may be about to name it. A save that is still running writes its snapshot again.
func RunSelected(ctx context.Context, o Options, sel Selection) (*Result, error) {
	return collectSelected(ctx, o, sel, false)
}

func collectSelected(ctx context.Context, o Options, sel Selection, dry bool) (*Result, error) {
	r := newRun(o, dry)
	for _, prefix := range sel.prefixes() {
		if err := r.selected(ctx, prefix, sel); err != nil {
			return r.result(), err
		}
	}
	return r.result(), nil
}

// selected removes what is selected below a prefix.
func (r *run) selected(ctx context.Context, prefix string, sel Selection) error {
	var batch []Removal
	for e, err := range r.Store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		r.Meter.Files.Add(1)
		if !sel.Has(e.Name) {
			continue
		}
		kind, _ := snapshot.KindOf(e.Name)
		batch = append(batch, Removal{
			Object: e.Name, Kind: kind, Bytes: e.Size, Reason: ReasonSelected,
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
