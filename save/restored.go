package save

import (
	"context"
	"errors"
	"slices"

	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// restoredKey is the exact key that the restore of this job looked for, if the module files are
// others by now: `go mod tidy`, `go get` or a generator changed them. The next run of the same
// commit looks for it again. Another Go version may have been put in place since, too; a restore
// under another name, or for another system, was not of this job.
func (r *run) restoredKey() []string {
	now := r.Keys.Key.Exact()
	if r.State == nil || len(r.State.Key) != len(now) || slices.Equal(r.State.Key, now) || !slices.Equal(r.State.Key[:3], now[:3]) {
		return nil
	}
	return r.State.Key
}

// publishRestored saves the same under the key of the restore, joined with what is stored there.
// Nothing is uploaded for it but the manifest.
func (r *run) publishRestored(ctx context.Context) error {
	key := r.restoredKey()
	if key == nil {
		return nil
	}
	c := lookup.Candidate{Scope: r.Scope, Key: key, Exact: true, Object: snapshot.ManifestObject(r.Repo, r.Scope, key)}
	found, err := r.reader().All(ctx, []lookup.Candidate{c})
	if err != nil {
		return err
	}
	own, version := found[0].Manifest, found[0].Version
	for try := 0; ; try++ {
		m := r.assembleRestored(own, key)
		if own != nil && !r.differs(m, own) {
			r.tally.add(func(res *Result) { res.Also = key })
			return nil
		}
		r.stamp(m, own)
		err := r.putManifest(ctx, m, key, version)
		if errors.Is(err, store.ErrNoConditions) {
			err = r.writeManifest(ctx, m, key, store.Condition{})
		}
		if err == nil {
			r.tally.add(func(res *Result) { res.Also, res.Written = key, true })
			return nil
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return err
		}
		if own, version, err = r.reread(ctx, key, pause(try)); err != nil {
			return err
		}
	}
}

// assembleRestored makes the manifest for the key of the restore. To its go.sum, modules that came
// later are as tools: it names none of them, so that they are restored with the proof that those
// need.
func (r *run) assembleRestored(own *snapshot.Manifest, key []string) *snapshot.Manifest {
	m := r.assemble(own).manifest
	m.Key, m.Digest = key, key[len(key)-1]
	m.Modules = slices.Clone(m.Modules)
	for i := range m.Modules {
		mod := &m.Modules[i]
		mod.InSum = r.State.Sums[mod.Path+"@"+mod.Version] == mod.Sum
	}
	return m
}
