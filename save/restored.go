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
// under another name or --key-extra, or for another system, was not of this job.
func (j job) restoredKey() []string {
	now := j.Keys.Key.Exact()
	if j.State == nil || len(j.State.Key) != len(now) || slices.Equal(j.State.Key, now) || !slices.Equal(ofJob(j.State.Key), ofJob(now)) {
		return nil
	}
	return j.State.Key
}

// ofJob leaves out of a key what the steps of a job can change: the Go version, and the digest.
func ofJob(key []string) []string {
	return slices.Concat(key[:3], key[4:len(key)-1])
}

// publishRestored saves the same under the key of the restore, joined with what is stored there.
// Nothing is uploaded for it but the manifest. It returns the key under which the same is stored.
func (p *publisher) publishRestored(ctx context.Context) (also []string, written bool, err error) {
	key := p.restoredKey()
	if key == nil {
		return nil, false, nil
	}
	c := lookup.Candidate{Scope: p.Scope, Key: key, Exact: true, Object: snapshot.ManifestObject(p.Repo, p.Scope, key)}
	own, version, err := p.fetch(ctx, c)
	if err != nil {
		return nil, false, err
	}
	for try := 0; ; try++ {
		plan := p.plan(own)
		asRestored(plan.manifest, key, p.State.Sums)
		if own != nil && !p.facts.differs(plan, own) {
			return key, false, nil
		}
		p.stamp(plan.manifest, own)
		err := p.putManifest(ctx, plan.manifest, key, version)
		if errors.Is(err, store.ErrNoConditions) {
			err = p.writeManifest(ctx, plan.manifest, key, store.Condition{})
		}
		if err == nil {
			return key, true, nil
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return nil, false, err
		}
		if own, version, err = p.reread(ctx, key, p.pause(try)); err != nil {
			return nil, false, err
		}
	}
}

// asRestored makes a manifest one for the key of the restore, whose go.sum files had these sums. To
// them, modules that came later are as tools: they name none of them, so that they are restored
// with the proof that tools need.
func asRestored(m *snapshot.Manifest, key []string, sums map[string]string) {
	m.Key, m.Digest = key, key[len(key)-1]
	m.Modules = slices.Clone(m.Modules)
	for i := range m.Modules {
		mod := &m.Modules[i]
		mod.InSum = sums[mod.Path+"@"+mod.Version] == mod.Sum
	}
}
