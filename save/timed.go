package save

import (
	"bytes"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/goentry"
)

// sniffed is how many bytes of each end of a new output are read to know what it is.
const sniffed = 4096

// timedKind says what of an entry rests on the times of files.
type timedKind byte

const (
	untimed timedKind = iota
	packageIndex
	testLog
	testResult
	coverProfile
	compilerID
)

// forgetTimed leaves new entries out whose truth rests on times of files: where a checkout gives constant times, the next job would get an index
// of other sources, or the result of another test. What is stored already has passed this. It costs one open file for each new output.
func (r *run) forgetTimed() {
	if r.StableTimes {
		return
	}
	kinds := make([]timedKind, len(r.inv.Entries))
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	const step = 256
	for first := 0; first < len(kinds); first += step {
		g.Go(func() error {
			for i := first; i < min(first+step, len(kinds)); i++ {
				kinds[i] = r.timedKind(r.inv.Entries[i])
			}
			return nil
		})
	}
	g.Wait()
	proven := r.proven(kinds)
	i := 0
	r.inv.Entries = slices.DeleteFunc(r.inv.Entries, func(e buildcache.Local) bool {
		kind := kinds[i]
		i++
		return kind == compilerID || kind != untimed && kind != testLog && !proven[e.Action]
	})
}

// timedKind reads what a new entry is; one that is stored with the same output needs no look.
func (r *run) timedKind(e buildcache.Local) timedKind {
	for _, m := range r.prev.manifests {
		if a := findAction(m, e.Action); a != nil && m.Outputs[a.Output].ID == e.Output {
			return untimed
		}
	}
	o, _ := r.inv.Output(e.Output)
	if o.Exec != "" {
		return untimed
	}
	head, tail, err := r.build.Ends(o, sniffed)
	switch {
	case err != nil: // the upload says what is wrong with it
		return untimed
	case bytes.HasPrefix(head, []byte("go index v")):
		return packageIndex
	case bytes.HasPrefix(head, []byte(goentry.LogMagic)):
		return testLog
	case bytes.HasPrefix(head, []byte("mode: ")):
		return coverProfile
	case goentry.IsCompilerID(head):
		return compilerID
	case goentry.IsResult(tail):
		return testResult
	}
	return untimed
}

// proven names the entries that rest on no time: the indexes of module trees, and results of tests that looked at no file of their module, as
// far as the environment is that of the test.
func (r *run) proven(kinds []timedKind) map[buildcache.ID]bool {
	proven := map[buildcache.ID]bool{}
	if slices.Contains(kinds, packageIndex) {
		r.proveIndexes(proven)
	}
	for i, e := range r.inv.Entries {
		if kinds[i] != testLog || r.Getenv == nil {
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

// proveIndexes names the indexes of trees that do not change under their name: GOROOT, and the toolchains and modules of GOMODCACHE, made by
// any of the go commands that are there.
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
