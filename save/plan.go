package save

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// PlanResult is what a save would do.
type PlanResult struct {
	Key     string     `json:"key"`
	Written bool       `json:"written"` // anything at all
	Objects []string   `json:"objects"` // the manifests it would write
	Modules PlanCounts `json:"modules"`
	Build   PlanCounts `json:"build"`   // action entries
	Timed   int        `json:"timed"`   // as in Result
	Unused  LeftOut    `json:"unused"`  // as in Result
	Foreign Foreign    `json:"foreign"` // as in Result
	Trees   PlanCounts `json:"trees"`
	Files   PlanCounts `json:"files"` // of Options.Paths
	// bytes that are new, and too few to be written; see Result.TooFew
	TooFew int64 `json:"tooFew,omitempty"`
	Repack int   `json:"repack"` // packs whose live outputs would be packed anew
	Trim   Trim  `json:"trim"`

	Warnings []string `json:"warnings,omitempty"`
}

// PlanCounts sums up one kind. Bytes are uncompressed: what they compress to is known only when it
// is done.
type PlanCounts struct {
	Upload  int   `json:"upload"`
	Stored  int   `json:"stored"` // the store has them
	Trimmed int   `json:"trimmed"`
	Bytes   int64 `json:"bytes"` // of what would be uploaded
}

// describe says what a save of what was gathered would do.
func (j job) describe(ctx context.Context, g gathered) (*PlanResult, error) {
	plan := g.facts.plan(g.facts.exact)
	j.log.warnAll(plan.warnings)
	counts, err := j.counts(ctx, plan)
	if err != nil {
		return nil, err
	}
	p := &PlanResult{
		Key: j.Keys.Key.String(), Timed: g.timed, Unused: g.unused, Foreign: g.foreign, Trim: plan.trim, Repack: len(plan.rewrite),
		Modules: counts[kindModules], Build: counts[kindBuild], Trees: counts[kindGraph], Files: counts[kindPaths],
	}
	n := newBytes(counts)
	enough := n >= j.LeastNew
	if !enough {
		p.TooFew = n
	}
	p.Written = enough && !j.leavesAlone(g.latest.Manifest, plan.manifest) && (p.Build.Upload+p.Modules.Upload+p.Trees.Upload+p.Files.Upload > 0 || g.facts.isChange(plan))
	if p.Written {
		p.Objects = j.manifests()
	}
	plan.trim.warnUsed(j.log.warn)
	p.Warnings, _ = j.log.read()
	return p, nil
}

func countPlanned(p collect.Planned) PlanCounts {
	return PlanCounts{Upload: p.Missing, Stored: p.Stored, Trimmed: p.Trimmed, Bytes: p.Bytes}
}

// manifests are the names under which a save writes one.
func (j job) manifests() []string {
	k := j.Keys.Key
	list := []string{snapshot.ManifestObject(j.Repo, j.Scope, k.Exact())}
	if bundler(j.Store) == nil { // else it is the latest one as well
		list = append(list, snapshot.ManifestObject(j.Repo, j.Scope, k.Latest()))
	}
	if key := j.restoredKey(); key != nil {
		list = append(list, snapshot.ManifestObject(j.Repo, j.Scope, key))
	}
	return list
}

// findModules asks the store which of the new modules it has from elsewhere.
func (j job) findModules(ctx context.Context, jobs []collect.Job, counts *PlanCounts) error {
	has := make([]bool, len(jobs)) // each worker has one of them
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(j.Concurrency)
	for i, m := range jobs {
		g.Go(func() error {
			_, err := j.Store.Stat(ctx, m.Object)
			if errors.Is(err, store.ErrNotFound) && hasDeltas(j.Store) && store.CheckName(snapshot.DeltaObject(m.Object)) == nil {
				_, _, err = j.lookDelta(ctx, m)
			}
			if store.IsFailure(err) {
				return err
			}
			has[i] = err == nil // of a delta that is no good a save finds that out, too
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, m := range jobs {
		if has[i] {
			counts.Upload--
			counts.Stored++
			counts.Bytes -= m.Bytes
		}
	}
	return nil
}
