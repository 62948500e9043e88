package save

import (
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// The kinds of content, in the order in which they are planned.
const (
	kindModules = iota
	kindBuild
	kindGraph
	kindPaths
	kinds
)

// facts are all that a plan is made of, beside the manifest that it replaces. They are a value:
// with and without return others.
type facts struct {
	kinds [kinds]collect.Kind
	stock *collect.Stock
	exact *snapshot.Manifest // under the key when the save began; nil: there was none
	// joined says that exact is more than what is stored: what another save has stored meanwhile,
	// and could not be seen.
	joined bool
	head   head
	rules  rules
	// rewrite are the packs whose live content is packed anew; nil: that is not decided yet.
	rewrite map[string]bool
}

// head is what a manifest says of itself.
type head struct {
	repo, scope string
	key         keys.Key
	writer      snapshot.Writing
	asked       time.Time // when the go command told last what is in use
	build       bool      // the build cache is saved
	builtWith   map[string]string
	restored    []*snapshot.Manifest // that the restore of this job found
}

// rules are what the user asks for, and what the job was.
type rules struct {
	start  time.Time
	failed bool // the job

	maxAge                        time.Duration
	maxSize, maxModules, maxBuild int64
	repackBudget                  int64

	// When the restore of this job began, and from when on a use is one of this job; zero when
	// there was no restore to tell.
	began, usedSince time.Time
}

// with adds what became of the jobs of a plan.
func (f facts) with(done []collect.Outcome) facts {
	for i, k := range f.kinds {
		f.kinds[i] = k.With(done)
	}
	return f
}

// without leaves some objects out, whatever lies in them.
func (f facts) without(gone func(object string) bool) facts {
	for i, k := range f.kinds {
		f.kinds[i] = k.Without(gone)
	}
	f.stock = f.stock.Without(gone)
	return f
}

// planned is the next snapshot, and what the store lacks for it.
type planned struct {
	// manifest has what is stored already.
	manifest *snapshot.Manifest
	parts    [kinds]collect.Planned
	trim     Trim
	rewrite  map[string]bool
	warnings []string
}

// plan decides what the snapshot should be that replaces own, the newest manifest under the key, or
// nil. It is pure, and is made before the upload, to find out what is missing, and after it, again
// for every conflict with another save.
func (f facts) plan(own *snapshot.Manifest) planned {
	policy, off := f.rules.policy(own)
	base := collect.Base{
		Stock: f.stock, Own: own, Meanwhile: own != nil && own != f.exact,
		Start: f.rules.start, MaxAge: f.rules.maxAge, Untrimmed: off != "",
	}
	p := planned{rewrite: f.rewrite, trim: Trim{Off: off}}
	if f.rules.isBefore(own) && !f.rules.failed {
		p.warnings = append(p.warnings, clockWarning(own))
	}
	var kept [kinds]collect.Kept
	if off != "" {
		for i, k := range f.kinds {
			kept[i] = k.Merge(base).Keep(nil, nil)
		}
	} else {
		kept = f.retain(base, policy)
		p.trim = describeTrim(kept, f.rules)
	}
	if p.rewrite == nil {
		p.rewrite = f.repack(kept)
	}
	p.manifest = f.head.manifest(own, f.rules)
	b := snapshot.NewBuilder()
	for i, k := range kept {
		p.parts[i] = k.Place(b, p.manifest, p.rewrite)
		p.warnings = append(p.warnings, p.parts[i].Warnings...)
	}
	b.Build(p.manifest)
	return p
}

// retain drops what the policy drops: of all kinds together, since they share its bounds.
func (f facts) retain(base collect.Base, policy retention.Policy) (kept [kinds]collect.Kept) {
	var merged [kinds]collect.Merged
	var ends [kinds]int
	var items []retention.Item
	for i, k := range f.kinds {
		merged[i] = k.Merge(base)
		items = merged[i].Items(items)
		ends[i] = len(items)
	}
	verdicts := retention.Decide(items, policy)
	first := 0
	for i, m := range merged {
		kept[i] = m.Keep(items[first:ends[i]:ends[i]], verdicts[first:ends[i]:ends[i]])
		first = ends[i]
	}
	return kept
}

// manifest is the next one, still empty.
func (h head) manifest(own *snapshot.Manifest, r rules) *snapshot.Manifest {
	m := &snapshot.Manifest{
		Repo: h.repo, Scope: h.scope, Key: h.key.Exact(), Digest: h.key.Digest, Writer: h.writer,
		UseAsked: h.asked.UTC().Truncate(time.Second),
	}
	if own != nil && own.UseAsked.After(m.UseAsked) {
		m.UseAsked = own.UseAsked
	}
	h.addBuilds(m, own, r)
	return m
}

// addBuilds notes with what the entries of the snapshot were made: by this job, and by those whose
// entries it takes over, as long as they have not aged.
func (h head) addBuilds(m, own *snapshot.Manifest, r rules) {
	oldest := collect.Base{Start: r.start, MaxAge: r.maxAge}.Oldest(0)
	for _, old := range append(h.restored[:len(h.restored):len(h.restored)], own) {
		if old == nil {
			continue
		}
		for _, b := range old.Builds {
			if !h.build || b.LastUse >= oldest {
				m.AddBuild(b)
			}
		}
	}
	if h.build && len(h.builtWith) > 0 {
		m.AddBuild(snapshot.Build{With: h.builtWith, LastUse: r.start.Unix()})
	}
}
