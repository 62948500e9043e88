package save

import (
	"context"
	"errors"
	"sync"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/sync/errgroup"
)

// PlanResult is what a save would do.
type PlanResult struct {
	Key     string     `json:"key"`
	Written bool       `json:"written"` // anything at all
	Objects []string   `json:"objects"` // the manifests it would write
	Modules PlanCounts `json:"modules"`
	Build   PlanCounts `json:"build"` // action entries
	Timed   int        `json:"timed"` // as in Result
	Trees   PlanCounts `json:"trees"`
	Files   PlanCounts `json:"files"`  // of Options.Paths
	Repack  int        `json:"repack"` // packs whose live outputs would be packed anew
	Trim    Trim       `json:"trim"`

	Warnings []string `json:"warnings,omitempty"`
}

// PlanCounts sums up one half. Bytes are uncompressed: what they compress to is known only when it
// is done.
type PlanCounts struct {
	Upload  int   `json:"upload"`
	Stored  int   `json:"stored"` // the store has them
	Trimmed int   `json:"trimmed"`
	Bytes   int64 `json:"bytes"` // of what would be uploaded
}

func (r *run) describe(ctx context.Context) (*PlanResult, error) {
	a := r.assemble(r.prev.own())
	k := r.Keys.Key
	p := &PlanResult{Key: k.String()}
	if err := r.describeModules(ctx, a, p); err != nil {
		return nil, err
	}
	p.Build.Upload, p.Build.Bytes = r.countMissing(a.missing), r.rawSize(a.missing)
	p.Build.Stored, p.Build.Trimmed = len(a.manifest.Actions), a.trimmed.actions
	for _, t := range r.trees {
		if t.pack != nil {
			p.Trees.Stored += t.count
			continue
		}
		p.Trees.Upload += t.count
		p.Trees.Bytes += t.bytes
	}
	p.Files = PlanCounts{Upload: len(a.missingFiles), Bytes: sizeOfFiles(a.missingFiles), Trimmed: a.trimmed.files}
	for _, t := range a.manifest.Paths {
		p.Files.Stored += len(t.Files)
	}
	p.Written = p.Build.Upload+p.Modules.Upload+p.Trees.Upload+p.Files.Upload > 0 || r.isChange(a.manifest)
	if p.Written {
		p.Objects = []string{snapshot.ManifestObject(r.Repo, r.Scope, k.Exact()), snapshot.ManifestObject(r.Repo, r.Scope, k.Latest())}
		if key := r.restoredKey(); key != nil {
			p.Objects = append(p.Objects, snapshot.ManifestObject(r.Repo, r.Scope, key))
		}
	}
	p.Timed = r.timed
	p.Trim, p.Repack = a.trim, len(r.rewrite)
	r.warnUsed(a.trim)
	p.Warnings = r.tally.res.Warnings
	return p, nil
}

// countMissing counts the entries that are here with outputs that are to be packed.
func (r *run) countMissing(outputs []int32) (n int) {
	if len(outputs) == 0 {
		return 0
	}
	missing := make([]bool, len(r.inv.Outputs))
	for _, i := range outputs {
		missing[i] = true
	}
	for _, e := range r.local.list {
		if missing[e.output] {
			n++
		}
	}
	return n
}

// describeModules asks the store which of the new modules it has from elsewhere.
func (r *run) describeModules(ctx context.Context, a assembly, p *PlanResult) error {
	p.Modules.Stored, p.Modules.Trimmed = len(a.manifest.Modules), a.trimmed.modules
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for _, m := range a.modules {
		g.Go(func() error {
			_, err := r.Store.Stat(ctx, m.rec.Object)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				p.Modules.Stored++
				return nil
			}
			p.Modules.Upload++
			p.Modules.Bytes += m.rec.Bytes
			return nil
		})
	}
	return g.Wait()
}
