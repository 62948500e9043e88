package save

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"
)

// upload stores everything that the first assembly lacks, several objects at once, the
// largest first: they would otherwise be what everyone waits for at the end.
func (r *run) upload(ctx context.Context, a assembly) error {
	r.Meter.SetPhase("upload")
	r.setTotals(a)
	if len(a.missing) > 0 {
		r.placed = make([]placed, len(r.inv.Outputs))
	}
	jobs := r.uploadJobs(a)
	slices.SortStableFunc(jobs, func(x, y uploadJob) int { return cmp.Compare(y.bytes, x.bytes) })
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for _, j := range jobs {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return j.run(ctx)
		})
	}
	defer r.warnDenied()
	return g.Wait()
}

// uploadJob makes and uploads one object.
type uploadJob struct {
	bytes int64 // uncompressed
	run   func(context.Context) error
}

func (r *run) uploadJobs(a assembly) (jobs []uploadJob) {
	for i := range r.trees {
		if t := &r.trees[i]; t.pack == nil {
			jobs = append(jobs, uploadJob{t.bytes, func(ctx context.Context) error { return r.saveTree(ctx, t) }})
		}
	}
	for _, outputs := range r.groupOutputs(a.missing) {
		jobs = append(jobs, uploadJob{r.rawSize(outputs), func(ctx context.Context) error { return r.savePack(ctx, outputs) }})
	}
	for _, files := range groupFiles(a.missingFiles) {
		jobs = append(jobs, uploadJob{sizeOfFiles(files), func(ctx context.Context) error { return r.saveFiles(ctx, files) }})
	}
	wanted := map[module.Version]bool{} // the others were trimmed
	for _, m := range a.modules {
		wanted[m.version()] = true
	}
	for i := range r.modules {
		if m := &r.modules[i]; !m.stored && !m.failed && wanted[m.version()] {
			jobs = append(jobs, uploadJob{m.rec.Bytes, func(ctx context.Context) error { return r.saveModule(ctx, m) }})
		}
	}
	return jobs
}

func (r *run) setTotals(a assembly) {
	m := r.Meter
	m.DiskTotal.Add(r.rawSize(a.missing))
	m.FilesTotal.Add(int64(len(a.missing) + len(a.missingFiles)))
	m.DiskTotal.Add(sizeOfFiles(a.missingFiles))
	for _, mod := range a.modules {
		m.DiskTotal.Add(mod.rec.Bytes)
		m.FilesTotal.Add(int64(mod.rec.Files))
	}
}

// publishAttempts bounds the conflicts with other saves of the same key. With
// jitter, sixteen jobs that publish at one moment need about as many rounds as they are.
const publishAttempts = 40

// publish makes the snapshot that of this key, and of the one that the restore of the job looked
// for.
func (r *run) publish(ctx context.Context) error {
	if err := r.publishExact(ctx); err != nil {
		return err
	}
	return r.publishRestored(ctx)
}

// publishExact writes the manifest under the exact key, then under the latest one. When another
// save was faster, its entries are taken over and the write is tried again: no job's work is lost.
func (r *run) publishExact(ctx context.Context) error {
	r.Meter.SetPhase("publish")
	own := r.prev.own()
	a := r.assemble(own)
	if !r.isChange(a.manifest) {
		r.finish(a, false)
		return r.mendLatest(ctx)
	}
	version := r.prev.exact.Version
	for try := 0; ; try++ {
		r.stamp(a.manifest, own)
		err := r.putManifest(ctx, a.manifest, a.manifest.Key, version)
		if err == nil {
			if err = r.proveConditions(ctx, a.manifest); err == nil {
				break
			}
		}
		if errors.Is(err, store.ErrNoConditions) {
			if a, err = r.publishUnconditional(ctx, a, own); err != nil {
				return err
			}
			break
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return err
		}
		if own, version, err = r.reread(ctx, a.manifest.Key, pause(try)); err != nil {
			return err
		}
		a = r.assemble(own)
	}
	r.finish(a, true)
	return r.publishLatest(ctx, a.manifest)
}

// proveConditions writes a manifest again that was just written, on condition that there is none. A
// server with conditional writes refuses that. One that ignores conditions takes the same bytes
// once more, and answers as if nobody else had written: that is ErrNoConditions. Where the answer
// tells neither, nothing is known against the server.
func (r *run) proveConditions(ctx context.Context, m *snapshot.Manifest) error {
	err := r.writeManifest(ctx, m, m.Key, store.Condition{IfAbsent: true})
	switch {
	case err == nil:
		r.ignored = true
		return store.ErrNoConditions
	case errors.Is(err, store.ErrNoConditions):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// publishLatest points the key without the digest to what was just published. Where a job with
// other module files does the same, the last one wins: both have their exact keys.
//
// A job that failed leaves the latest snapshot of other module files alone: it may have made
// little, and others start from there.
func (r *run) publishLatest(ctx context.Context, m *snapshot.Manifest) error {
	if old := r.prev.latest.Manifest; r.JobFailed && old != nil && old.Digest != m.Digest {
		return nil
	}
	latest := *m
	latest.Key = r.Keys.Key.Latest()
	version := r.prev.latest.Version
	for try := 0; ; try++ {
		err := r.putManifest(ctx, &latest, latest.Key, version)
		if errors.Is(err, store.ErrNoConditions) || err == nil && r.ignored {
			return r.writeManifest(ctx, &latest, latest.Key, store.Condition{})
		}
		if !errors.Is(err, store.ErrConflict) || try == publishAttempts {
			return err
		}
		var other *snapshot.Manifest
		if other, version, err = r.reread(ctx, latest.Key, pause(try)); err != nil {
			return err
		}
		if other != nil && other.Digest == m.Digest && !other.Writer.Time.Before(m.Writer.Time) {
			return nil // a save of the same key that came later, and so has merged ours
		}
	}
}

// mendLatest replaces the manifest under the latest key, although nothing is new, where it is
// damaged, missing, or older than that under the exact one: a save that came no further left it so.
func (r *run) mendLatest(ctx context.Context) error {
	own, latest := r.prev.own(), r.prev.latest
	if own == nil || latest.Manifest != nil && !latest.Manifest.Writer.Time.Before(own.Writer.Time) {
		return nil
	}
	return r.publishLatest(ctx, own)
}

// pause grows with the tries, and is random, so that jobs which started together spread.
func pause(try int) time.Duration {
	return time.Duration(rand.Int64N(int64(20*time.Millisecond) << min(try, 6)))
}

// reread waits a little, and fetches what another save wrote.
func (r *run) reread(ctx context.Context, key []string, pause time.Duration) (*snapshot.Manifest, store.Version, error) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	}
	c := lookup.Candidate{Scope: r.Scope, Key: key, Object: snapshot.ManifestObject(r.Repo, r.Scope, key)}
	found, err := r.reader().All(ctx, []lookup.Candidate{c})
	if err != nil {
		return nil, "", err
	}
	return found[0].Manifest, found[0].Version, nil
}

// putManifest writes a manifest on condition that the stored one still is of version old.
func (r *run) putManifest(ctx context.Context, m *snapshot.Manifest, key []string, old store.Version) error {
	return r.writeManifest(ctx, m, key, store.Condition{IfMatch: old, IfAbsent: old == ""})
}

func (r *run) encode(m *snapshot.Manifest) ([]byte, error) {
	if r.Sign == nil {
		return m.Encode()
	}
	return m.EncodeSigned(r.Sign)
}

func (r *run) writeManifest(ctx context.Context, m *snapshot.Manifest, key []string, cond store.Condition) error {
	data, err := r.encode(m)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return r.put(ctx, snapshot.ManifestObject(r.Repo, r.Scope, key), bytes.NewReader(data), int64(len(data)), cond)
}

// stamp signs the manifest with who wrote it, and extends the trend.
func (r *run) stamp(m, own *snapshot.Manifest) {
	m.Writer.Time = r.Now().UTC().Truncate(time.Millisecond)
	trend := []snapshot.Saved(nil)
	if own == nil && len(r.prev.manifests) > 0 {
		own = r.prev.manifests[0]
	}
	if own != nil {
		trend = append(trend, own.Trend...)
	}
	now := snapshot.Saved{
		Time: m.Writer.Time, Run: m.Writer.Run, Stored: m.StoredBytes(), Uploaded: r.Meter.Bytes.Load(),
		Actions: len(m.Actions), Modules: len(m.Modules),
	}
	if r.reuse != nil {
		now.Reused, now.Made = r.reuse.Reused, r.reuse.Made
	}
	trend = append(trend, now)
	m.Trend = trend[max(0, len(trend)-snapshot.MaxTrend):]
}

// finish fills in the result from the manifest that now holds.
func (r *run) finish(a assembly, written bool) {
	m := a.manifest
	r.warnUsed(a.trim)
	r.warnBuiltWith()
	size := m.Size()
	var largest *Largest
	if r.Describe {
		largest = r.describeLargest(m)
	}
	if len(r.prev.manifests) > 0 && !written {
		m.Trend = r.prev.manifests[0].Trend
	}
	uploaded := r.uploadedPacks(m)
	r.tally.add(func(res *Result) {
		res.Written, res.Trim = written, a.trim
		res.StoredBytes = size.Stored
		res.Before, res.After, res.Reuse = r.sizeBefore(), &size, r.reuse
		res.Largest = largest
		res.Trend = m.Trend
		for _, act := range m.Actions {
			if uploaded[m.Outputs[act.Output].Pack] {
				res.Build.Uploaded++
			} else {
				res.Build.Stored++
			}
		}
		res.Build.Trimmed = a.trimmed.actions
		res.Timed = r.timed
		res.Build.Skipped = len(a.missing) + r.unreadable
		res.Modules.Trimmed = a.trimmed.modules
		res.Modules.Stored = len(m.Modules) - res.Modules.Uploaded
		r.countFiles(res, a)
		res.Packs.Uploaded = len(r.packs) + r.uploadedTrees()
		res.Packs.Stored = max(0, len(m.Packs)-res.Packs.Uploaded)
	})
}

// uploadedTrees counts the packs of trees that this save has made.
func (r *run) uploadedTrees() (n int) {
	for _, t := range r.trees {
		if t.made {
			n++
		}
	}
	return n
}

// uploadedPacks tells which packs of a manifest this save has made.
func (r *run) uploadedPacks(m *snapshot.Manifest) []bool {
	made := map[string]bool{}
	for _, p := range r.packs {
		made[p.Object] = true
	}
	list := make([]bool, len(m.Packs))
	for i, p := range m.Packs {
		list[i] = made[p.Object]
	}
	return list
}
