package save

import (
	"cmp"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/goentry"
)

// forgetTimed leaves new entries out whose truth rests on times of files: where a checkout gives
// constant times, the next job would get an index of other sources, or the result of another test.
// What is stored already has passed this. It costs one open file for each new output.
//
// Stable times are those of the project. They prove nothing of a C compiler, whose entry is never
// saved: it saves the go command one call of the compiler, and would have it take the flags of
// another one for its own.
func (r *run) forgetTimed() {
	kinds, errs := r.newKinds()
	r.forgetUnknown(&kinds, errs)
	proven := map[buildcache.ID]bool{}
	if !r.StableTimes {
		proven = r.proven(kinds)
	}
	i := 0
	r.inv.Entries = slices.DeleteFunc(r.inv.Entries, func(e buildcache.Local) bool {
		timed := false
		switch kinds[i] {
		case goentry.KindCompiler:
			timed = true
		case goentry.KindIndex, goentry.KindResult, goentry.KindProfile:
			timed = !r.StableTimes && !proven[e.Action]
		}
		i++
		if timed {
			r.timed++
		}
		return timed
	})
}

// forgetUnknown leaves out entries whose output could not be read, since it could be anything, and
// drops their kinds. The reason may be over a moment later: a scanner of viruses, or a limit of
// open files.
func (r *run) forgetUnknown(kinds *[]goentry.Kind, errs []error) {
	var first error
	unknown := 0
	for i, err := range errs {
		if err != nil {
			first = cmp.Or(first, err)
			unknown++
			continue
		}
		r.inv.Entries[i-unknown], (*kinds)[i-unknown] = r.inv.Entries[i], (*kinds)[i]
	}
	if unknown == 0 {
		return
	}
	known := len(errs) - unknown
	r.inv.Entries, *kinds = r.inv.Entries[:known], (*kinds)[:known]
	r.unreadable += unknown
	r.tally.warn("%d entries of the build cache are not saved, as their outputs cannot be read, such as %v", unknown, first)
}

// newKinds says of each entry what it is; "" where it is stored with the same output, which needs
// no look. The errors are those of reading outputs.
func (r *run) newKinds() ([]goentry.Kind, []error) {
	kinds, errs := make([]goentry.Kind, len(r.inv.Entries)), make([]error, len(r.inv.Entries))
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	const step = 256
	for first := 0; first < len(kinds); first += step {
		g.Go(func() error {
			for i := first; i < min(first+step, len(kinds)); i++ {
				if e := r.inv.Entries[i]; !r.isStored(e) {
					o, _ := r.inv.Output(e.Output)
					kinds[i], errs[i] = r.build.Kind(o)
				}
			}
			return nil
		})
	}
	g.Wait()
	return kinds, errs
}

// isStored reports whether a previous snapshot has the entry with this output.
func (r *run) isStored(e buildcache.Local) bool {
	for _, m := range r.prev.manifests {
		if a := findAction(m, e.Action); a != nil && m.Outputs[a.Output].ID == e.Output {
			return true
		}
	}
	return false
}

// proven names the entries that rest on no time: the indexes of module trees, and results of tests
// that looked at no file of their module, as far as the environment is that of the test.
func (r *run) proven(kinds []goentry.Kind) map[buildcache.ID]bool {
	proven := map[buildcache.ID]bool{}
	if slices.Contains(kinds, goentry.KindIndex) {
		r.proveIndexes(proven)
	}
	for i, e := range r.inv.Entries {
		if kinds[i] != goentry.KindTestLog || r.Getenv == nil {
			continue
		}
		o, _ := r.inv.Output(e.Output)
		log, _, err := r.build.Ends(o, int(o.Size))
		if err != nil {
			continue
		}
		if result, ok := goentry.ResultWithoutFiles(r.GoVersion, e.Action, log, r.Getenv); ok {
			proven[result], proven[goentry.CoverProfile(result)] = true, true
		}
	}
	return proven
}

// proveIndexes names the indexes of trees that do not change under their name: GOROOT, and the
// toolchains and modules of GOMODCACHE, made by any of the go commands that are there.
func (r *run) proveIndexes(proven map[buildcache.ID]bool) {
	versions := []string{r.GoVersion}
	add := func(version, root string) {
		for _, id := range goentry.GOROOT(version, root) {
			proven[id] = true
		}
	}
	if r.GOROOT != "" {
		add(r.GoVersion, r.GOROOT)
	}
	if r.GOMODCACHE == "" {
		return
	}
	toolchains, _ := filepath.Glob(filepath.Join(r.GOMODCACHE, "golang.org", "toolchain@*"))
	for _, dir := range toolchains {
		_, version, _ := strings.Cut(filepath.Base(dir), "@")
		if v := goentry.ToolchainVersion(version); v != "" {
			versions = append(versions, v)
			add(v, dir)
		}
	}
	for m := range r.Keys.Sums.Zip {
		if dir, ok := treeDir(r.GOMODCACHE, m); ok {
			for _, v := range versions {
				proven[goentry.ModuleIndex(v, dir)] = true
			}
		}
	}
}

// treeDir is the directory of a module tree, as the go command names it.
func treeDir(modcache string, v module.Version) (string, bool) {
	path, err1 := module.EscapePath(v.Path)
	version, err2 := module.EscapeVersion(v.Version)
	return filepath.Join(modcache, filepath.FromSlash(path)+"@"+version), err1 == nil && err2 == nil
}
