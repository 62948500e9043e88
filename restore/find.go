package restore

import (
	"context"
	"errors"
	"slices"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// finding is the snapshot that was found. Its Outcome tells of the manifests that were passed over
// on the way to it.
type finding struct {
	lookup.Found
	Differs []string // see Result.Differs
	// toldDiffers says that there is a warning of Differs.
	toldDiffers bool
	install.Outcome
}

// find asks for the manifests of all candidates.
func find(ctx context.Context, o Options) (finding, error) {
	o.Meter.SetPhase("look up")
	reader := lookup.Reader{Store: o.Store, Repo: o.Repo, Trust: o.Trust, Now: o.Now}
	found, passed, err := reader.First(ctx, candidates(o))
	f := finding{Found: found, Outcome: passedOver(passed)}
	if o.BuildDir != "" {
		f.Differs = slices.Clip(buildenv.Differing(o.BuiltWith, f.manifest().BuiltWith()))
	}
	return f, err
}

func candidates(o Options) []lookup.Candidate {
	k := o.Keys.Key
	return lookup.Candidates(o.Repo, o.scopes(), k.Exact(), k.Latest())
}

// passedOver reports the manifests that come before the one that was found and cannot be used.
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

// warnBuiltWith warns of settings of the job that differ from those that the snapshot was built
// with. What depends on them the job cannot use, and the go command would recompile it without a
// word. If the build cache lacks nothing of the snapshot, it was kept from an earlier job, and may
// have what this one needs as well: then there is no warning, and save warns if there was reason.
func (f *finding) warnBuiltWith(plans []plan) {
	isBuild := func(k plan) bool { return k.Name == build.Name && k.Fetch > 0 }
	if len(f.Differs) == 0 || !slices.ContainsFunc(plans, isBuild) {
		return
	}
	f.toldDiffers = true
	f.Warn("the snapshot was saved %s", buildenv.Explain(f.Differs))
}

// manifest returns the one found, or an empty one.
func (f finding) manifest() *snapshot.Manifest {
	if f.Manifest == nil {
		return new(snapshot.Manifest)
	}
	return f.Manifest
}

// matched names the snapshot, or is nil if there is none. Whether it is exact is decided by the
// digest, not by the name: "latest" may well be the snapshot of these very module files.
func (f finding) matched(digest string) *jobstate.Matched {
	if f.Manifest == nil {
		return nil
	}
	return &jobstate.Matched{
		Object: f.Object, Scope: f.Scope, Key: f.Key,
		Exact: f.Manifest.Digest == digest, Saved: f.Manifest.Writer.Time,
	}
}
