package restore

import (
	"time"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
)

// fold turns what was found, planned and done into a Result. Without plans, as after Lookup, it has
// no counts.
func fold(o Options, start time.Time, f finding, plans []plan) *Result {
	res := &Result{
		Key: o.Keys.Key.String(), Matched: f.matched(o.Keys.Key.Digest), Differs: f.Differs,
		BytesFetched: o.Meter.Bytes.Load(), BytesWritten: o.Meter.Disk.Load(), FilesWritten: o.Meter.Files.Load(),
		Seconds: time.Since(start).Seconds(), Requests: o.Store.Requests(),
	}
	res.Exact = res.Matched != nil && res.Matched.Exact
	if m := f.Manifest; m != nil {
		size := m.Size()
		res.Size, res.Largest = &size, m.LargestModules(shownLargest)
	}
	var all install.Outcome
	all.Add(f.Outcome)
	for _, k := range plans {
		out := k.total()
		if counts := res.counts(k.Name); counts != nil {
			*counts = out.Counts
		}
		all.Add(out)
	}
	res.Packs = countPacks(f.manifest(), plans, all.Lost)
	res.Losses, res.Warnings = all.Losses, all.Warnings
	res.State = stateOf(o, start, f, all.Damages)
	res.measure(o.Meter, f.manifest())
	return res
}

// counts returns the field with the counts of a kind, or nil if they are not reported.
func (r *Result) counts(kind string) *Counts {
	switch kind {
	case modules.Name:
		return &r.Modules
	case build.Name:
		return &r.Build
	case paths.Name:
		return &r.Files
	}
	return nil
}

// stateOf is what the save of the same job needs to know.
func stateOf(o Options, start time.Time, f finding, damages []jobstate.Damage) jobstate.State {
	s := jobstate.State{
		Store: o.Store.String(), Repo: o.Repo, Scope: o.Scope, Time: start,
		Matched: f.matched(o.Keys.Key.Digest), Damaged: damages, ZipsRebuilt: o.Zips, Differs: f.Differs, ToldDiffers: f.toldDiffers,
		Key: o.Keys.Key.Exact(), Sums: make(map[string]string, len(o.Keys.Sums.Zip)),
	}
	for v, sum := range o.Keys.Sums.Zip {
		s.Sums[v.String()] = sum
	}
	return s
}

// countPacks counts the packs of a snapshot by what became of them. One that was not read to the
// end, because the store failed or a place was given up, has no count. A pack with outputs counts
// as present if none of them had to be fetched, which is known only if the build cache was
// compared.
func countPacks(m *snapshot.Manifest, plans []plan, lost map[string]string) Counts {
	var out install.Outcome
	wanted, counted := make([]bool, len(m.Packs)), make([]bool, len(m.Packs))
	compared := false
	for _, k := range plans {
		compared = compared || k.Name == build.Name
		for _, i := range k.Packs {
			object := m.Packs[i].Object
			if kind := lost[object]; !counted[i] && (kind != "" || k.hasRead(object)) {
				countPack(&out, kind)
				counted[i] = true
			}
			wanted[i] = true
		}
	}
	if !compared {
		return out.Counts
	}
	for i, other := range otherPacks(m) {
		if !other && !wanted[i] {
			out.Counts.Present++
		}
	}
	return out.Counts
}

// hasRead reports whether all jobs that read a pack came to their end.
func (k plan) hasRead(pack string) bool { return k.done.Read[pack] >= max(1, k.parts[pack]) }

func countPack(out *install.Outcome, kind string) {
	if kind == "" {
		out.Counts.Restored++
		return
	}
	out.Lose(1, kind)
}

// otherPacks marks the packs that hold trees or files of paths.
func otherPacks(m *snapshot.Manifest) []bool {
	other := make([]bool, len(m.Packs))
	for _, t := range m.Trees {
		other[t.Pack] = true
	}
	for _, p := range m.Paths {
		for _, f := range p.Files {
			other[f.Pack] = true
		}
	}
	return other
}
