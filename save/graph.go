package save

import (
	"cmp"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"golang.org/x/mod/module"
)

// keepGraph drops the .mod and .info files of versions that no graph needs any more. go.sum names
// all that the graphs of the project need, and the modules of the snapshot keep theirs. The others,
// of tools or of an earlier go.sum, age like modules.
func (r *run) keepGraph(files []modcache.File) []modcache.File {
	policy, off := r.policy(r.prev.own())
	oldest := int64(-1 << 62)
	if off == "" && policy.MaxAge > 0 {
		oldest = r.start.Add(-policy.MaxAge).Unix()
	}
	before := r.prev.graphUses()
	here := map[module.Version]bool{}
	for _, m := range r.modules {
		here[m.version()] = true
	}
	r.graph = map[module.Version]int64{}
	return slices.DeleteFunc(slices.Clone(files), func(f modcache.File) bool {
		v, ok := modcache.GraphVersion(f.Name)
		if !ok || here[v] || r.Keys.Sums.Mod[v] != "" || r.Keys.Sums.Zip[v] != "" {
			return false
		}
		use, known := r.graph[v]
		if !known {
			use = r.graphUse(v, before[v])
			r.graph[v] = use
		}
		return use < oldest
	})
}

// graphUses are the dates that previous saves gave to the versions of the graph.
func (p *previous) graphUses() map[module.Version]int64 {
	uses := map[module.Version]int64{}
	for _, m := range p.manifests {
		for _, g := range m.Graph {
			v := module.Version{Path: g.Path, Version: g.Version}
			uses[v] = max(uses[v], g.LastUse)
		}
	}
	return uses
}

// graphUse decides when the .mod or .info of a version was used last, as moduleUse does for
// modules. before is what previous saves know.
func (r *run) graphUse(v module.Version, before int64) int64 {
	arrived, seen := r.mods.GraphUse(v)
	if (before == 0 || r.State == nil) && arrived.After(seen) {
		seen = arrived
	}
	return max(before, min(seen.Unix(), r.start.Unix()))
}

// mergeGraph joins the dates with those of own, whatever is too old left out.
func (r *run) mergeGraph(own *snapshot.Manifest) (list []snapshot.GraphUse) {
	all := map[module.Version]int64{}
	for v, use := range r.graph {
		all[v] = use
	}
	if own != nil {
		for _, g := range own.Graph {
			v := module.Version{Path: g.Path, Version: g.Version}
			all[v] = max(all[v], g.LastUse)
		}
	}
	for v, use := range all {
		if r.MaxAge <= 0 || use >= r.start.Add(-r.MaxAge-24*time.Hour).Unix() {
			list = append(list, snapshot.GraphUse{Path: v.Path, Version: v.Version, LastUse: use})
		}
	}
	slices.SortFunc(list, func(a, b snapshot.GraphUse) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	return list
}
