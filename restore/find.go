package restore

import (
	"context"
	"errors"
	"slices"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// finding is which snapshot was found, and what is to be said of it, and of those that were passed
// over.
type finding struct {
	lookup.Found
	Differs []string // see Result.Differs
	install.Outcome
}

// find asks for the manifests of all candidates.
func find(ctx context.Context, o Options) (finding, error) {
	o.Meter.SetPhase("look up")
	reader := lookup.Reader{Store: o.Store, Repo: o.Repo, Trust: o.Trust, Now: o.Now}
	found, passed, err := reader.First(ctx, candidates(o))
	f := finding{Found: found, Outcome: passedOver(passed)}
	if o.BuildDir != "" {
		f.compareBuilds(o.BuiltWith)
	}
	return f, err
}

func candidates(o Options) []lookup.Candidate {
	k := o.Keys.Key
	return lookup.Candidates(o.Repo, o.scopes(), k.Exact(), k.Latest())
}

// passedOver says what is wrong with manifests that come before the one that was found.
func passedOver(list []lookup.Found) (out install.Outcome) {
	for _, p := range list {
		if errors.Is(p.Err, store.ErrDenied) {
			out.Warn("%v: it is passed over", p.Err)
			continue
		}
		out.Damage(p.Object, -1, p.Err.Error(), install.KindOf(p.Err))
	}
	return out
}

// compareBuilds says what of the snapshot the job cannot use because it builds with something else:
// the go command would compile it anew in silence.
func (f *finding) compareBuilds(builtWith map[string]string) {
	f.Differs = slices.Clip(buildenv.Differing(builtWith, f.manifest().BuiltWith()))
	if len(f.Differs) > 0 {
		f.Warn("the snapshot was saved %s", buildenv.Explain(f.Differs))
	}
}

// manifest returns the one found, or an empty one.
func (f finding) manifest() *snapshot.Manifest {
	if f.Manifest == nil {
		return new(snapshot.Manifest)
	}
	return f.Manifest
}

// matched names the snapshot; nil: there is none. The digest decides what is exact, not the name:
// "latest" can well be the snapshot of these very module files.
func (f finding) matched(digest string) *jobstate.Matched {
	if f.Manifest == nil {
		return nil
	}
	return &jobstate.Matched{
		Object: f.Object, Scope: f.Scope, Key: f.Key,
		Exact: f.Manifest.Digest == digest, Saved: f.Manifest.Writer.Time,
	}
}
