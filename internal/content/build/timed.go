package build

import (
	"cmp"
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/quantity"
)

// forgetTimed leaves new entries out whose truth rests on times of files: where a checkout gives
// constant times, the next job would get an index of other sources, or the result of another test.
// What is stored already has passed this. It costs one open file for each new output.
//
// Stable times are those of the project. They prove nothing of a C compiler, whose entry is never
// saved: it saves the go command one call of the compiler, and would have it take the flags of
// another one for its own.
func (s *scanner) forgetTimed(ctx context.Context) error {
	kinds, errs, err := s.newKinds(ctx)
	if err != nil {
		return err
	}
	kinds = s.forgetUnknown(kinds, errs)
	proven := map[digest.ID]bool{}
	if !s.StableTimes {
		proven = s.proven(kinds)
	}
	timed := make([]bool, len(kinds))
	for i, e := range s.inv.Entries {
		switch kinds[i] {
		case goentry.KindCompiler:
			timed[i] = true
		case goentry.KindIndex, goentry.KindResult, goentry.KindProfile:
			timed[i] = !s.StableTimes && !proven[e.Action]
		}
	}
	s.inv.Entries = collect.Drop(s.inv.Entries, timed)
	s.found.Timed = len(timed) - len(s.inv.Entries)
	return nil
}

// forgetUnknown leaves out entries whose output could not be read, since it could be anything, and
// returns the kinds of the others. The reason may be over a moment later: a scanner of viruses, or
// a limit of open files.
func (s *scanner) forgetUnknown(kinds []goentry.Kind, errs []error) []goentry.Kind {
	var first error
	unknown := 0
	for i, err := range errs {
		if err != nil {
			first = cmp.Or(first, err)
			unknown++
			continue
		}
		s.inv.Entries[i-unknown], kinds[i-unknown] = s.inv.Entries[i], kinds[i]
	}
	if unknown == 0 {
		return kinds
	}
	known := len(errs) - unknown
	s.inv.Entries = s.inv.Entries[:known]
	s.found.Unreadable += unknown
	s.Warn("not saved: %s of the build cache whose outputs cannot be read, such as %v", quantity.Counted(unknown, "entry"), first)
	return kinds[:known]
}

// newKinds says of each entry what it is; "" where it is stored with the same output, which needs
// no look. The errors are those of reading outputs.
func (s *scanner) newKinds(ctx context.Context) ([]goentry.Kind, []error, error) {
	kinds, errs := make([]goentry.Kind, len(s.inv.Entries)), make([]error, len(s.inv.Entries))
	err := install.Each(ctx, len(kinds), 2*runtime.GOMAXPROCS(0), func(i int) {
		if e := s.inv.Entries[i]; !s.Stock.HasEntry(e.Action, e.Output) {
			o, _ := s.inv.Output(e.Output)
			kinds[i], errs[i] = s.cache.Kind(o)
		}
	})
	return kinds, errs, err
}

// proven names the entries that rest on no time: the indexes of module trees, and results of tests
// that looked at no file of their module, as far as the environment is that of the test.
func (s *scanner) proven(kinds []goentry.Kind) map[digest.ID]bool {
	proven := map[digest.ID]bool{}
	if slices.Contains(kinds, goentry.KindIndex) {
		s.proveIndexes(proven, nil)
	}
	for i, e := range s.inv.Entries {
		if kinds[i] != goentry.KindTestLog || s.Getenv == nil {
			continue
		}
		o, _ := s.inv.Output(e.Output)
		log, _, err := s.cache.Ends(o, int(o.Size))
		if err != nil {
			continue
		}
		if result, ok := goentry.ResultWithoutFiles(s.GoVersion, e.Action, log, s.Getenv); ok {
			proven[result], proven[goentry.CoverProfile(result)] = true, true
		}
	}
	return proven
}

// proveIndexes names the indexes of trees that do not change under their name: GOROOT, and the
// toolchains and modules of GOMODCACHE, made by any of the go commands that are there. Modules with
// some paths are left out.
func (s *scanner) proveIndexes(proven map[digest.ID]bool, but []string) {
	versions := []string{s.GoVersion}
	add := func(version, root string) {
		for _, id := range goentry.GOROOT(version, root) {
			proven[id] = true
		}
	}
	if s.GOROOT != "" {
		add(s.GoVersion, s.GOROOT)
	}
	if s.GOMODCACHE == "" {
		return
	}
	toolchains, _ := filepath.Glob(filepath.Join(s.GOMODCACHE, "golang.org", "toolchain@*"))
	for _, dir := range toolchains {
		_, version, _ := strings.Cut(filepath.Base(dir), "@")
		if v := goentry.ToolchainVersion(version); v != "" {
			versions = append(versions, v)
			add(v, dir)
		}
	}
	for m := range s.Modules {
		if slices.Contains(but, m.Path) {
			continue
		}
		if dir, ok := treeDir(s.GOMODCACHE, m); ok {
			for _, v := range versions {
				proven[goentry.ModuleIndex(v, dir)] = true
			}
		}
	}
}

// treeDir is the directory of a module tree, as the go command names it.
func treeDir(dir string, v module.Version) (string, bool) {
	tree, err := modcache.TreeName(v)
	return filepath.Join(dir, filepath.FromSlash(tree)), err == nil
}
