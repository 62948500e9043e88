package repocache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
)

// Options say what to remove.
type Options struct {
	API *API
	// Scope removes all entries of this ref, and looks at no others; Named those of snapshots, of
	// which it is told the keys, and of Scope only unless that is "". Without either, what nobody
	// needs goes.
	Scope string
	Named func(actions.SnapshotKey) bool
	Rules
	// BundlesOf says which bundles an entry names, or store.ErrNotFound where this job cannot see
	// the entry. Nil: it can see none.
	BundlesOf func(ctx context.Context, key string) ([]string, error)
	DryRun    bool
	// Progress is told of each entry that was looked at or removed.
	Progress func()
}

// Amount counts entries.
type Amount struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

func (a *Amount) add(bytes int64) { a.Entries++; a.Bytes += bytes }

// Counts says what became of the entries of a kind.
type Counts struct {
	Kept    Amount `json:"kept"`
	Removed Amount `json:"removed"` // in a dry run: would be
	Refused Amount `json:"refused"` // GitHub did not remove them
}

// Result is what was done.
type Result struct {
	DryRun   bool                         `json:"dryRun"`
	Kinds    map[actions.EntryKind]Counts `json:"kinds"`
	Total    Amount                       `json:"removed"`
	Removals []Removed                    `json:"removals"`
	// Unseen are the refs with snapshots that could not be read, so that their bundles stay.
	Unseen   []string `json:"unseen,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Removed is an entry that was removed, or in a dry run would be.
type Removed struct {
	Key    string `json:"key"`
	Ref    string `json:"ref"`
	Bytes  int64  `json:"bytes"`
	Reason Reason `json:"reason"`
}

// Run removes what is due, snapshots before the bundles that they name. The result is valid also
// beside an error; the next run goes on.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Progress == nil {
		o.Progress = func() {}
	}
	res := &Result{DryRun: o.DryRun, Kinds: map[actions.EntryKind]Counts{}, Removals: []Removed{}}
	list, err := o.API.List(ctx, o.Scope)
	if err != nil {
		return res, err
	}
	entries := ours(list)
	gone, err := o.plan(ctx, entries, res)
	if err != nil {
		return res, err
	}
	going := map[int64]bool{}
	for _, r := range gone {
		going[r.ID] = true
	}
	for _, e := range entries {
		if !going[e.ID] {
			res.count(e.kind, func(c *Counts) { c.Kept.add(e.Size) })
		}
	}
	return res, o.remove(ctx, gone, res)
}

// plan decides what goes, in this order.
func (o Options) plan(ctx context.Context, entries []entry, res *Result) (gone []Removal, err error) {
	if o.Scope != "" || o.Named != nil {
		for _, e := range entries {
			if o.selects(e) {
				gone = append(gone, Removal{e.Cache, e.kind, ReasonSelected})
			}
		}
		// what names others first
		slices.SortStableFunc(gone, func(a, b Removal) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
		return gone, nil
	}
	stay, gone := o.replaced(entries)
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.isNamed() && o.Now.Sub(e.lastUse()) > o.Grace }) {
		return gone, nil // no bundle is old enough, so there is no need to read what names them
	}
	n, err := o.names(ctx, stay, newestModules(entries), res)
	if err != nil {
		return nil, err
	}
	return append(gone, o.unnamed(entries, n)...), nil
}

// selects reports whether an entry goes because it is named.
func (o Options) selects(e entry) bool {
	if o.Scope != "" && e.Ref != o.Scope {
		return false
	}
	if o.Named == nil {
		return true
	}
	k, ok := actions.ParseSnapshotKey(e.Key)
	return ok && o.Named(k)
}

func rank(k actions.EntryKind) int {
	if k == actions.SnapshotEntry || k == actions.ObjectEntry {
		return 0
	}
	return 1
}

// names asks what the snapshots name that stay, and the bundles with modules that jobs find without
// a snapshot.
func (o Options) names(ctx context.Context, stay, modules []entry, res *Result) (named, error) {
	n := named{map[string]bool{}, map[string]bool{}}
	for _, e := range append(stay, modules...) {
		o.Progress()
		if e.isNamed() {
			n.keys[e.Key] = true
		}
		if e.kind == actions.ObjectEntry {
			continue
		}
		list, err := o.bundlesOf(ctx, e.Key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			n.unseen[e.Ref] = true
		case errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, snapshot.ErrFormat):
			n.unseen[e.Ref] = true
			res.Warnings = append(res.Warnings, fmt.Sprintf("%s of %s cannot be read, so nothing of this ref is removed that it could name: %v", e.Key, e.Ref, err))
		case err != nil:
			return n, err
		}
		for _, key := range list {
			n.keys[key] = true
		}
	}
	for ref := range n.unseen {
		res.Unseen = append(res.Unseen, ref)
	}
	slices.Sort(res.Unseen)
	return n, nil
}

func (o Options) bundlesOf(ctx context.Context, key string) ([]string, error) {
	if o.BundlesOf == nil {
		return nil, store.ErrNotFound
	}
	return o.BundlesOf(ctx, key)
}

// remove removes entries. What GitHub refuses of one is a warning, unless it would be refused of
// all.
func (o Options) remove(ctx context.Context, gone []Removal, res *Result) error {
	for _, r := range gone {
		if !o.DryRun {
			err := o.API.Delete(ctx, r.ID)
			if errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrUnreachable) || ctx.Err() != nil {
				return fmt.Errorf("remove %s of %s: %w", r.Key, r.Ref, err)
			}
			if err != nil {
				res.count(r.Kind, func(c *Counts) { c.Refused.add(r.Size) })
				res.Warnings = append(res.Warnings, fmt.Sprintf("%s of %s is not removed: %v", r.Key, r.Ref, err))
				continue
			}
		}
		o.Progress()
		res.count(r.Kind, func(c *Counts) { c.Removed.add(r.Size) })
		res.Total.add(r.Size)
		res.Removals = append(res.Removals, Removed{r.Key, r.Ref, r.Size, r.Reason})
	}
	return nil
}

func (res *Result) count(kind actions.EntryKind, f func(*Counts)) {
	c := res.Kinds[kind]
	f(&c)
	res.Kinds[kind] = c
}
