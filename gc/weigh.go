package gc

import (
	"context"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
)

// A Weight says what some snapshots of a repository take up: the objects below its prefix that they
// name. Public modules, which all repositories share, are not counted: who else names them, only
// the manifests of all repositories tell.
type Weight struct {
	Alone  Amount `json:"alone"`  // named by no other snapshot: what collections remove after them
	Shared Amount `json:"shared"` // named by other snapshots, too
	// Unreadable manifests could name anything, so that nothing of the repository is removed while
	// they are there.
	Unreadable []Unreadable `json:"unreadable,omitempty"`
}

// Weigh reads all manifests of a repository, then lists its objects, and removes nothing. chosen
// tells of which manifests, by the names of their objects, the weight is. Memory is that of a
// collection: 16 bytes for each name.
func Weigh(ctx context.Context, o Options, repo string, chosen func(object string) bool) (*Weight, error) {
	o.MaxAge = 0 // no manifest is too old
	r := newRun(o, true)
	r.within, r.chosen = snapshot.RepoPrefix(repo)+"/", chosen
	r.Meter.SetPhase("read manifests")
	if err := r.mark(ctx); err != nil {
		return nil, err
	}
	r.live.seal()
	r.named.seal()
	r.Meter.SetPhase("weigh")
	w := new(Weight)
	for e, err := range r.Store.List(ctx, r.within) {
		if err != nil {
			return nil, err
		}
		r.Meter.Files.Add(1)
		f := gcnotes.FingerprintOf(e.Name)
		if kind, _ := snapshot.KindOf(e.Name); kind != snapshot.KindPack && kind != snapshot.KindModule || !r.named.has(f) {
			continue
		}
		if r.live.has(f) {
			w.Shared.add(e.Size)
		} else {
			w.Alone.add(e.Size)
		}
	}
	w.Unreadable = r.result().Unreadable
	return w, nil
}
