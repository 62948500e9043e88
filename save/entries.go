package save

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
	"golang.org/x/sync/errgroup"
)

// entry is one action entry, stored or here.
type entry struct {
	action, output snapshot.ID
	size           int64 // of the output
	time, lastUse  int64 // ns; Unix seconds
}

// useMargin: restored files are at least 2 hours older than the restore, and the
// go command renews what is older than 1 hour. Between the two lies the test for "used since".
const useMargin = 90 * time.Minute

// scanBuild lists the build cache, shards in parallel, and finds out what the job used.
func (r *run) scanBuild(ctx context.Context) error {
	var shards [256]buildcache.Shard
	g, _ := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range shards {
		g.Go(func() (err error) {
			shards[i], err = r.build.ScanShard(i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var fuzz []buildcache.File
	if r.Fuzz {
		var err error
		if fuzz, err = r.build.ScanFuzz(ctx); err != nil {
			return err
		}
	}
	r.inv = buildcache.Merge(shards[:], fuzz)
	r.local = make([]entry, len(r.inv.Entries))
	for i, e := range r.inv.Entries {
		r.local[i] = entry{e.Action, e.Output, e.Size, e.Time, r.lastUse(e)}
	}
	return nil
}

// lastUse decides when an entry was used last. The mtime tells it, except for a
// restored entry that nobody touched: that one has the mtime that the restore gave it.
func (r *run) lastUse(e buildcache.Local) int64 {
	seen := min(e.ActionTime, r.start.UnixNano()) / int64(time.Second)
	before := r.prev.lastUse(e.Action)
	untouched := r.State != nil && e.ActionTime < r.State.Time.Add(-useMargin).UnixNano()
	if before != 0 && untouched {
		return before
	}
	return max(before, seen)
}

// mergeEntries joins what is here with what a manifest has; both are sorted by
// action. Of two outputs of one action the newer one wins, and any use counts.
func mergeEntries(local []entry, own *snapshot.Manifest) []entry {
	if own == nil {
		return slices.Clone(local)
	}
	out := make([]entry, 0, max(len(local), len(own.Actions)))
	i := 0
	for _, a := range own.Actions {
		o := own.Outputs[a.Output]
		e := entry{a.ID, o.ID, o.Size, a.Time, a.LastUse}
		for i < len(local) && bytes.Compare(local[i].action[:], e.action[:]) < 0 {
			out = append(out, local[i])
			i++
		}
		if i < len(local) && local[i].action == e.action {
			e = newer(local[i], e)
			i++
		}
		out = append(out, e)
	}
	return append(out, local[i:]...)
}

func newer(a, b entry) entry {
	use := max(a.lastUse, b.lastUse)
	if b.time > a.time {
		a = b
	}
	a.lastUse = use
	return a
}

// trim drops what was not used for maxAge, then the least recently used until
// the outputs fit into maxSize bytes. No maxAge (zero) and no maxSize (negative) mean no bound. An output goes with its last action. The
// result keeps the order of entries.
func trim(entries []entry, now time.Time, maxAge time.Duration, maxSize int64) (kept []entry) {
	oldest := int64(-1 << 62)
	if maxAge > 0 {
		oldest = now.Add(-maxAge).Unix()
	}
	kept = slices.DeleteFunc(entries, func(e entry) bool { return e.lastUse < oldest })
	if maxSize < 0 {
		return kept
	}
	byUse := slices.Clone(kept)
	slices.SortStableFunc(byUse, func(a, b entry) int { return cmp.Compare(b.lastUse, a.lastUse) })
	fits := map[snapshot.ID]bool{}
	keep := map[snapshot.ID]bool{}
	for _, e := range byUse {
		if !fits[e.output] {
			if maxSize -= e.size; maxSize < 0 {
				break
			}
			fits[e.output] = true
		}
		keep[e.action] = true
	}
	return slices.DeleteFunc(kept, func(e entry) bool { return !keep[e.action] })
}
