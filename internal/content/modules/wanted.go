package modules

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// Rules decide which modules a restore wants.
type Rules struct {
	Keys  keys.Plan
	Exact bool // the snapshot was saved with these very module files
	Repo  string
	// Scopes are those that this job may read, in order. Private modules are looked for in them.
	Scopes       []string
	Private      string // patterns as in GOPRIVATE
	Zips         bool   // rebuild cache/download/...zip
	NoToolchains bool
}

// Wanted is a module version that should be here.
type Wanted struct {
	Version module.Version
	Sum     string         // h1 of the tree
	ModSum  string         // h1 of go.mod, may be ""
	Objects []string       // where it can be; the first that exists is taken
	Size    int64          // stored bytes; 0 when no manifest tells
	Bytes   int64          // of the tree; 0 when no manifest tells
	Files   int            // the same
	Base    *snapshot.Base // that the object builds upon, if the manifest tells; it is read as well
	// Listed says that the manifest lists it, so that not finding it is a loss.
	Listed bool
	// Unproven says that go.sum does not name it.
	Unproven bool
}

// Wanted joins the modules of the manifest and those of go.sum. It refuses what contradicts go.sum,
// which alone decides about the hash of a version. What the manifest records counts only for
// versions that go.sum does not name, such as tools and toolchains.
func (r Rules) Wanted(m *snapshot.Manifest) ([]Wanted, install.Outcome) {
	var out install.Outcome
	list, listed := r.listed(m, &out)
	if r.Exact {
		// go.sum is the same: what the job did not need then, it does not need now.
		return list, out
	}
	list = append(list, r.unlisted(listed, &out)...)
	slices.SortFunc(list, func(a, b Wanted) int {
		return cmp.Or(cmp.Compare(a.Version.Path, b.Version.Path), cmp.Compare(a.Version.Version, b.Version.Version))
	})
	return list, out
}

// listed are the modules of the manifest.
func (r Rules) listed(m *snapshot.Manifest, out *install.Outcome) (list []Wanted, listed map[module.Version]bool) {
	listed = map[module.Version]bool{}
	for _, rec := range m.Modules {
		v := module.Version{Path: rec.Path, Version: rec.Version}
		sum, inSum := r.Keys.Sums.Zip[v]
		switch {
		case r.NoToolchains && v.Path == modcache.Toolchain:
		case rec.InSum && !inSum: // a dependency that go.sum no longer selects
		case inSum && sum != rec.Sum:
			refuse(out, v, fmt.Sprintf("manifest says %s, go.sum says %s", rec.Sum, sum))
		default:
			listed[v] = true
			list = append(list, Wanted{
				Version: v, Sum: rec.Sum, ModSum: cmp.Or(r.Keys.Sums.Mod[v], rec.ModSum), Objects: []string{rec.Object},
				Size: rec.Size, Bytes: rec.Bytes, Files: rec.Files, Base: rec.Base, Listed: true, Unproven: !inSum,
			})
		}
	}
	return list, listed
}

// unlisted are the modules that only go.sum names.
func (r Rules) unlisted(listed map[module.Version]bool, out *install.Outcome) (list []Wanted) {
	for v, sum := range r.Keys.Sums.Zip {
		if listed[v] || !r.Keys.Fetches(v) {
			continue
		}
		objects, err := r.objects(v, sum)
		if err != nil { // a malformed line of go.sum
			refuse(out, v, err.Error())
			continue
		}
		list = append(list, Wanted{Version: v, Sum: sum, ModSum: r.Keys.Sums.Mod[v], Objects: wholeOrDelta(objects)})
	}
	return list
}

// objects lists where a module can be: below the shared prefix, or if it is private, in the scopes
// that this job may read.
func (r Rules) objects(v module.Version, sum string) ([]string, error) {
	if !module.MatchPrefixPatterns(r.Private, v.Path) {
		name, err := snapshot.ModuleObject(v, sum)
		return []string{name}, err
	}
	var names []string
	for _, s := range r.Scopes {
		if s == "" {
			continue
		}
		name, err := snapshot.ScopedModuleObject(r.Repo, s, v, sum)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// wholeOrDelta adds to each name of a whole module object that of the delta, which may be there
// instead.
func wholeOrDelta(objects []string) []string {
	all := make([]string, 0, 2*len(objects))
	for _, o := range objects {
		all = append(all, o)
		if d := snapshot.DeltaObject(o); store.CheckName(d) == nil {
			all = append(all, d)
		}
	}
	return all
}

// stored is how many bytes are read; 0 when no manifest tells.
func (w Wanted) stored() int64 {
	if w.Base != nil {
		return w.Size + w.Base.Size
	}
	return w.Size
}

// zip reports whether the zip of a version has to be rebuilt. No go command asks for the zip of a
// toolchain that is present, and it would be as large as all other modules together.
func (r Rules) zip(v module.Version) bool { return r.Zips && v.Path != modcache.Toolchain }

func refuse(out *install.Outcome, v module.Version, reason string) {
	out.Counts.Refused++
	out.Name(v.String(), reason, install.KindRefused)
}
