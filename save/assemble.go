package save

import (
	"cmp"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/snapshot"
)

// assembly is the manifest as it would be written now, and what it still lacks.
type assembly struct {
	manifest *snapshot.Manifest
	// outputs to pack, in the order in which they were made: indices into run.inv.Outputs
	missing []int32
	modules []localModule // to upload
	trimmed struct{ actions, modules, files int }
	trim    Trim

	missingFiles []extraFile // of Paths, to pack
}

// assemble joins what is here, what was stored, and what this save has uploaded so far, over own,
// the newest manifest under the exact key. It is called before the upload, to find out what is
// missing, and after it, again for every conflict with another save.
func (r *run) assemble(own *snapshot.Manifest) assembly {
	var a assembly
	mods := r.mergeModules(own)
	a.trimmed.modules = len(mods)
	mods, kept := r.retain(own, mods, mergeEntries(r.local, own), &a)
	a.trimmed.modules -= len(mods)

	files, old := r.keptFiles(own)
	a.trimmed.files = old
	if r.rewrite == nil { // once: what is chosen now is what the upload packs
		r.rewrite = r.repack(kept, files)
	}
	b := snapshot.NewBuilder()
	b.Expect(r.expected(own))
	for e := range kept {
		if !b.Has(e.output) && !r.place(b, e.output, own) {
			if i, ok := r.localOutput(e.output); ok {
				a.missing = append(a.missing, i)
			}
			continue
		}
		b.AddAction(e.action, e.output, e.time, e.lastUse)
	}
	r.assembleTrees(b, own)
	a.missingFiles = r.assembleFiles(b, files, own)
	k := r.Keys.Key
	a.manifest = &snapshot.Manifest{Repo: r.Repo, Scope: r.Scope, Key: k.Exact(), Digest: k.Digest, Writer: r.Writer, UseAsked: r.asked.UTC().Truncate(time.Second)}
	if own != nil && own.UseAsked.After(a.manifest.UseAsked) {
		a.manifest.UseAsked = own.UseAsked
	}
	a.manifest.Modules, a.modules = splitModules(mods)
	a.manifest.Graph = r.mergeGraph(own)
	r.mergeBuilds(a.manifest, own)
	b.Build(a.manifest)
	a.missing = r.packable(a.missing)
	return a
}

// place adds an output to the builder from where it is stored: packs of this
// save, then previous manifests, then own, which another save may have written meanwhile.
func (r *run) place(b *snapshot.Builder, id snapshot.ID, own *snapshot.Manifest) bool {
	if o, pack, ok := r.uploaded(id); ok {
		o.Pack = b.AddPack(pack)
		b.AddOutput(o)
		return true
	}
	o, m, ok := r.prev.output(id)
	if !ok || r.rewrite[m.Packs[o.Pack].Object] {
		if o, m, ok = r.fromOther(id, own); !ok {
			return false
		}
	}
	o.Pack = b.AddPack(m.Packs[o.Pack])
	b.AddOutput(o)
	return true
}

// fromOther finds an output in a manifest that another save wrote after this one began.
func (r *run) fromOther(id snapshot.ID, own *snapshot.Manifest) (snapshot.Output, *snapshot.Manifest, bool) {
	if own == nil || own == r.prev.own() {
		return snapshot.Output{}, nil, false
	}
	if r.others == nil || r.othersOf != own {
		r.othersOf, r.others = own, idindex.New(len(own.Outputs), func(i int32) *snapshot.ID { return &own.Outputs[i].ID })
		for i := range own.Outputs {
			r.others.Add(int32(i))
		}
	}
	i, ok := r.others.Find(&id)
	if !ok {
		return snapshot.Output{}, nil, false
	}
	return own.Outputs[i], own, true
}

// expected is about how many entries a manifest will have.
func (r *run) expected(own *snapshot.Manifest) int {
	if own == nil {
		return r.local.len()
	}
	return max(r.local.len(), len(own.Actions))
}

// localOutput returns the index of an output that is here in run.inv.Outputs.
func (r *run) localOutput(id snapshot.ID) (int32, bool) {
	if r.inv == nil {
		return 0, false
	}
	i, ok := r.inv.Find(id)
	return int32(i), ok
}

// packable keeps each output once, in the order in which they were made: what one
// run made dies together, and similar things lie together, which compresses better.
func (r *run) packable(outputs []int32) []int32 {
	type made struct {
		time  int64
		index int32 // the order of the inventory is that of the IDs
	}
	list := make([]made, len(outputs))
	for n, i := range outputs {
		list[n] = made{r.inv.Outputs[i].Time, i}
	}
	slices.SortFunc(list, func(a, b made) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.index, b.index)) })
	for n, m := range list {
		outputs[n] = m.index
	}
	return slices.Compact(outputs)
}

// isChange reports whether writing a would tell the next job anything that the snapshot which it
// would restore otherwise does not. The time inside an entry is no such thing: the go command
// renews it when it repeats an action with the same outcome, as it does for `go run`. What was
// packed anew is one, though.
func (r *run) isChange(a *snapshot.Manifest) bool {
	old := r.sameKey()
	return old == nil || r.differs(a, old)
}

// differs is isChange for the stored snapshot that a would replace.
func (r *run) differs(a, old *snapshot.Manifest) bool {
	if len(r.rewrite) > 0 || r.isBefore(old) || len(old.Actions) != len(a.Actions) || len(old.Modules) != len(a.Modules) || len(old.Trees) != len(a.Trees) || !samePaths(a.Paths, old.Paths) || !sameBuilds(a, old) || len(r.prev.bad) > 0 {
		return true
	}
	for i, x := range a.Actions {
		y := &old.Actions[i]
		if x.ID != y.ID || a.Outputs[x.Output].ID != old.Outputs[y.Output].ID || stale(x.LastUse, y.LastUse) {
			return true
		}
	}
	for i, x := range a.Modules {
		if y := old.Modules[i]; x.Path != y.Path || x.Version != y.Version || x.Object != y.Object || stale(x.LastUse, y.LastUse) {
			return true
		}
	}
	for i, x := range a.Trees {
		if y := old.Trees[i]; x.Name != y.Name || a.Packs[x.Pack].Object != old.Packs[y.Pack].Object {
			return true
		}
	}
	return false
}

// sameKey is the stored snapshot of the same module files: in the own scope, or else the
// one that was restored from another.
func (r *run) sameKey() *snapshot.Manifest {
	if r.prev.exact.Manifest != nil {
		return r.prev.exact.Manifest
	}
	for _, m := range r.prev.manifests {
		if m.Digest == r.Keys.Key.Digest && m.Scope != r.Scope {
			return m
		}
	}
	return nil
}

// stale reports whether a recorded use is too old; or too new, as one that a machine with a wrong
// clock has recorded.
func stale(now, recorded int64) bool {
	return (time.Duration(now-recorded) * time.Second).Abs() > refreshAfter
}
