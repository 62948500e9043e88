package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// publishAttempts bounds the conflicts with other saves of the same key. With
// jitter, sixteen jobs that publish at one moment need about as many rounds as they are.
const publishAttempts = 40

// publisher writes the manifests. It belongs to one goroutine.
type publisher struct {
	job
	facts   facts
	latest  lookup.Found  // under the key without the digest
	version store.Version // of facts.exact
	reuse   *Reuse
	ignored bool                        // the store takes conditional writes and ignores the condition
	pause   func(try int) time.Duration // after a conflict
}

// published is the snapshot that now holds under the exact key.
type published struct {
	plan    planned
	written bool // false: nothing was new
}

// orNone is what holds of what was to be published beside an error: nothing, unless it was written.
func (p published) orNone() published {
	if !p.written {
		return published{}
	}
	return p
}

// publish makes the snapshot that of this key, and of the one that the restore of the job looked
// for. exact is told what holds under this key, also where an error follows, and must not keep it:
// memory is counted for one new manifest at a time. also is the key of the restore, if the same is
// stored under it, and written says whether anything was.
func (p *publisher) publish(ctx context.Context, exact func(published)) (also []string, written bool, err error) {
	pub, err := p.publishExact(ctx)
	if pub.plan.manifest != nil {
		exact(pub)
	}
	written = pub.written
	pub = published{} // its manifest is in the way of the next one
	if err != nil {
		return nil, written, err
	}
	also, more, err := p.publishRestored(ctx)
	return also, written || more, err
}

// plan decides, and tells what there is to warn of.
func (p *publisher) plan(own *snapshot.Manifest) planned {
	plan := p.facts.plan(own)
	p.log.warnAll(plan.warnings)
	return plan
}

// publishExact writes the manifest under the exact key, then under the latest one. When another
// save was faster, its entries are taken over and the write is tried again: no job's work is lost.
func (p *publisher) publishExact(ctx context.Context) (published, error) {
	p.Meter.SetPhase("publish")
	own, version := p.facts.exact, p.version
	plan := p.plan(own)
	if !p.facts.isChange(plan) {
		return published{plan: plan}, p.mendLatest(ctx)
	}
	for try := 0; ; try++ {
		p.stamp(plan.manifest, own)
		written := false
		err := p.putManifest(ctx, plan.manifest, plan.manifest.Key, version)
		if err == nil {
			written = true
			if err = p.proveConditions(ctx, plan.manifest); err == nil {
				break
			}
		}
		if errors.Is(err, store.ErrNoConditions) {
			pub, err := p.publishUnconditional(ctx, published{plan: plan, written: written}, own)
			if err != nil {
				return pub.orNone(), err
			}
			plan = pub.plan
			break
		}
		if written {
			return published{plan: plan, written: true}, err
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return published{}, err
		}
		key := plan.manifest.Key
		plan = planned{} // its manifest is in the way of the next one
		if own, version, err = p.reread(ctx, key, p.pause(try)); err != nil {
			return published{}, err
		}
		plan = p.plan(own)
	}
	return published{plan: plan, written: true}, p.publishLatest(ctx, plan.manifest)
}

// proveConditions writes a manifest again that was just written, on condition that there is none. A
// server with conditional writes refuses that. One that ignores conditions takes the same bytes
// once more, and answers as if nobody else had written: that is ErrNoConditions. Where the answer
// tells neither, nothing is known against the server.
func (p *publisher) proveConditions(ctx context.Context, m *snapshot.Manifest) error {
	if bundler(p.Store) != nil {
		return nil
	}
	err := p.writeManifest(ctx, m, m.Key, store.Condition{IfAbsent: true})
	switch {
	case err == nil:
		p.ignored = true
		return store.ErrNoConditions
	case errors.Is(err, store.ErrNoConditions):
		return err
	case ctx.Err() != nil:
		return store.Ended(ctx)
	}
	return nil
}

// publishLatest points the key without the digest to what was just published. Where a job with
// other module files does the same, the last one wins: both have their exact keys.
//
// A job that failed leaves the latest snapshot of other module files alone: it may have made
// little, and others start from there.
//
// In a store with bundles the newest snapshot is the latest one, and there is nothing to do.
func (p *publisher) publishLatest(ctx context.Context, m *snapshot.Manifest) error {
	if bundler(p.Store) != nil {
		return nil
	}
	latest := *m
	latest.Key = p.Keys.Key.Latest()
	if p.ignored {
		return p.replaceLatest(ctx, &latest)
	}
	old, version := p.latest.Manifest, p.latest.Version
	for try := 0; !p.leaves(old, m); try++ {
		err := p.putManifest(ctx, &latest, latest.Key, version)
		if errors.Is(err, store.ErrNoConditions) {
			return p.replaceLatest(ctx, &latest)
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return err
		}
		if old, version, err = p.reread(ctx, latest.Key, p.pause(try)); err != nil {
			return err
		}
		if old != nil && old.Digest == m.Digest && !old.Writer.Time.Before(m.Writer.Time) {
			return nil // a save of the same key that came later, and so has merged ours
		}
	}
	return nil
}

// leaves reports whether the latest manifest stays as it is, old, whatever m has.
func (j job) leaves(old, m *snapshot.Manifest) bool {
	return j.JobFailed && old != nil && old.Digest != m.Digest
}

// mendLatest replaces the manifest under the latest key, although nothing is new, where it is
// damaged, missing, or older than that under the exact one: a save that came no further left it so.
func (p *publisher) mendLatest(ctx context.Context) error {
	own, latest := p.facts.exact, p.latest.Manifest
	if own == nil || latest != nil && !latest.Writer.Time.Before(own.Writer.Time) {
		return nil
	}
	return p.publishLatest(ctx, own)
}

// reread waits a little, and fetches what another save wrote.
func (p *publisher) reread(ctx context.Context, key []string, pause time.Duration) (*snapshot.Manifest, store.Version, error) {
	if !store.Sleep(ctx, pause) {
		return nil, "", context.Cause(ctx)
	}
	return p.fetch(ctx, lookup.Candidate{Scope: p.Scope, Key: key, Object: snapshot.ManifestObject(p.Repo, p.Scope, key)})
}

// fetch reads one manifest; a damaged one counts as none.
func (p *publisher) fetch(ctx context.Context, c lookup.Candidate) (*snapshot.Manifest, store.Version, error) {
	found, err := p.reader().All(ctx, []lookup.Candidate{c})
	if err != nil {
		return nil, "", err
	}
	return found[0].Manifest, found[0].Version, nil
}

// putManifest writes a manifest on condition that the stored one still is of version old.
func (p *publisher) putManifest(ctx context.Context, m *snapshot.Manifest, key []string, old store.Version) error {
	return p.writeManifest(ctx, m, key, store.Condition{IfMatch: old, IfAbsent: old == ""})
}

func (p *publisher) encode(m *snapshot.Manifest) ([]byte, error) {
	if p.Sign == nil {
		return m.Encode()
	}
	return m.EncodeSigned(p.Sign)
}

func (p *publisher) writeManifest(ctx context.Context, m *snapshot.Manifest, key []string, cond store.Condition) error {
	data, err := p.encode(m)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	object := snapshot.ManifestObject(p.Repo, p.Scope, key)
	if b := bundler(p.Store); b != nil {
		info, err := b.Publish(ctx, object, data, cond, collect.Objects(m))
		return p.wrote(object, info, err)
	}
	return p.put(ctx, object, bytes.NewReader(data), int64(len(data)), cond)
}

// stamp says in the manifest when it is written, and extends the trend of the one that it replaces,
// or else of the one that it builds upon.
func (p *publisher) stamp(m, own *snapshot.Manifest) {
	m.Writer.Time = p.Now().UTC().Truncate(time.Millisecond)
	if list := p.facts.stock.Manifests(); own == nil && len(list) > 0 {
		own = list[0]
	}
	m.Trend = trend(m, own, p.Meter.Bytes.Load(), p.reuse)
	times(p.job, &m.Trend[len(m.Trend)-1])
}

// trend is that of old, or none, with m as the last save.
func trend(m, old *snapshot.Manifest, uploaded int64, reuse *Reuse) (list []snapshot.Saved) {
	if old != nil {
		list = append(list, old.Trend...)
	}
	now := snapshot.Saved{
		Time: m.Writer.Time, Run: m.Writer.Run, Stored: m.StoredBytes(), Uploaded: uploaded,
		Actions: len(m.Actions), Modules: len(m.Modules),
	}
	if reuse != nil {
		now.Reused, now.Made = reuse.Reused, reuse.Made
	}
	list = append(list, now)
	return list[max(0, len(list)-snapshot.MaxTrend):]
}
