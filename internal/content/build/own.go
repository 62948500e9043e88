package build

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
)

// Own tells the packages of a project from those of others whose jobs use the same build cache.
type Own struct {
	// Modules are the paths of the modules of which the project builds packages.
	Modules map[string]bool
	// Dirs are the directories of its own modules, with slashes.
	Dirs []string
}

// origin says whose an output is.
type origin int

const (
	unknown origin = iota
	common         // little is in it, whoever made it
	own
	foreign
)

// forgetOthers leaves new entries out that jobs of other projects made or used at the same time, or
// shortly before this job: there the times tell nothing. What was compiled has an import path, and
// so it can be told whose it is; of the rest, what mentions a module that is foreign. Where anybody
// can read what is saved, what is not known to be of the project is left out as well.
func (s *scanner) forgetOthers(ctx context.Context) error {
	if s.Own == nil || s.State == nil || !s.State.KeptBuild {
		return nil
	}
	mine, err := s.Own(ctx)
	if err != nil {
		return err
	}
	from, packages, err := s.origins(ctx, mine)
	if err != nil {
		return err
	}
	roots := mine.foreignRoots(packages)
	gone := make([]bool, len(from))
	err = install.Each(ctx, len(from), 2*runtime.GOMAXPROCS(0), func(i int) {
		switch from[i] {
		case foreign:
			gone[i] = true
		case unknown, common:
			o, _ := s.inv.Output(s.inv.Entries[i].Output)
			mentions, err := s.has(o, roots)
			gone[i] = err != nil || mentions || from[i] == unknown && s.Public
		}
	})
	if err != nil {
		return err
	}
	s.inv.Entries = collect.Drop(s.inv.Entries, gone)
	s.found.Foreign, s.found.ForeignModules = len(gone)-len(s.inv.Entries), roots
	return nil
}

// origins tells of each entry whose it is, and which packages are foreign. What a snapshot has is
// own.
func (s *scanner) origins(ctx context.Context, mine Own) (from []origin, packages map[string]bool, err error) {
	from, names := make([]origin, len(s.inv.Entries)), make([]string, len(s.inv.Entries))
	indexes := sync.OnceValue(func() map[digest.ID]bool { return s.ownIndexes(mine) })
	err = install.Each(ctx, len(from), 2*runtime.GOMAXPROCS(0), func(i int) {
		from[i] = own
		if e := s.inv.Entries[i]; s.Stock.LastUse(e.Action) == 0 {
			from[i], names[i] = s.origin(e, mine, indexes)
		}
	})
	packages = map[string]bool{}
	for i, name := range names {
		if from[i] == foreign && name != "" {
			packages[name] = true
		}
	}
	return from, packages, err
}

// ownIndexes names the package indexes that can be the project's. In one is what the sources of a
// package say, and not what they are of, but its name is a hash of that. The project has those of
// its packages as they are now, and of trees that never change.
func (s *scanner) ownIndexes(mine Own) map[digest.ID]bool {
	ids := map[digest.ID]bool{}
	s.proveIndexes(ids, nil)
	for _, dir := range mine.Dirs {
		for _, id := range goentry.MainModule(s.GoVersion, filepath.FromSlash(strings.TrimSuffix(dir, "/"))) {
			ids[id] = true
		}
	}
	return ids
}

// origin tells whose an entry is, and the import path of what it was made of, if it has one. What
// is empty is everybody's, and forgetTimed takes care of package indexes unless files have stable
// times.
func (s *scanner) origin(e buildcache.Local, mine Own, indexes func() map[digest.ID]bool) (origin, string) {
	o, _ := s.inv.Output(e.Output)
	kind, name := s.cache.Describe(o)
	switch {
	case kind == goentry.KindIndex && s.StableTimes && !indexes()[e.Action]:
		return foreign, ""
	case kind == goentry.KindIndex, o.Size == 0:
		return own, ""
	case kind == goentry.KindProgram:
		return s.programOrigin(o, mine), ""
	case kind == goentry.KindVet, kind == goentry.KindTestLog:
		return common, ""
	case kind == goentry.KindResult, kind == goentry.KindProfile:
		if name = s.tested(o, kind); name == "" {
			return unknown, ""
		}
	}
	if name != "" && !isMain(name) {
		return mine.of(name, s.GOROOT), name
	}
	if !s.Public {
		return unknown, ""
	}
	if named, err := s.names(o, mine.Dirs); err == nil && named {
		return own, ""
	}
	return unknown, ""
}

// isMain reports whether an import path is that of any program, or of the files of a command line.
func isMain(pkg string) bool {
	pkg = strings.TrimSuffix(pkg, "_test")
	return pkg == "main" || pkg == "command-line-arguments"
}

// tested is the import path of the package of a test result or a coverage profile, "" if it cannot
// be read.
func (s *scanner) tested(o buildcache.Output, kind goentry.Kind) string {
	head, tail, err := s.cache.Ends(o, goentry.Sniffed)
	if err != nil {
		return ""
	}
	if kind == goentry.KindResult { // ends with "ok  \tPACKAGE\t0.1s\n"
		last := tail[bytes.LastIndexByte(bytes.TrimSuffix(tail, []byte("\n")), '\n')+1:]
		fields := strings.Split(string(last), "\t")
		if len(fields) < 2 {
			return ""
		}
		return fields[1]
	}
	_, line, _ := strings.Cut(string(head), "\n") // after the mode "PACKAGE/FILE.go:1.2,3.4 5 6"
	file, _, found := strings.Cut(line, ":")
	if !found {
		return ""
	}
	return path.Dir(file)
}

// programOrigin tells whose a program is: of the project if all of its modules are.
func (s *scanner) programOrigin(o buildcache.Output, mine Own) origin {
	f, err := s.cache.OpenOutput(o)
	if err != nil {
		return unknown
	}
	defer f.Close()
	info, err := buildinfo.Read(f)
	if err != nil || info.Main.Path == "" && !strings.HasPrefix(info.Path, "cmd/") {
		return unknown
	}
	if info.Main.Path != "" && !mine.Modules[info.Main.Path] {
		return foreign
	}
	for _, m := range info.Deps {
		if !mine.Modules[m.Path] {
			return foreign
		}
	}
	return own
}

// of tells whose a package is. Those of the Go distribution are everybody's: of any of them, as a
// job can use several, so the directory of its first element decides.
func (w Own) of(pkg, goroot string) origin {
	for _, p := range []string{pkg, strings.TrimSuffix(pkg, "_test")} {
		for dir := p; dir != "." && dir != "/"; dir = path.Dir(dir) {
			if w.Modules[dir] {
				return own
			}
		}
	}
	first, _, _ := strings.Cut(strings.TrimSuffix(pkg, "_test"), "/")
	switch {
	case first == "" || strings.Contains(first, "."):
		return foreign
	case goroot == "":
		return unknown
	}
	if _, err := os.Stat(filepath.Join(goroot, "src", first)); err == nil {
		return own
	}
	return foreign
}

// foreignRoots shortens import paths of foreign packages to what tells them from the modules of the
// project: about the path of a module, which everything made of it mentions. At least two elements
// stay.
func (w Own) foreignRoots(packages map[string]bool) []string {
	near := map[string]bool{} // what the modules of the project begin with
	for m := range w.Modules {
		for dir := m; dir != "." && dir != "/"; dir = path.Dir(dir) {
			near[dir] = true
		}
	}
	roots := map[string]bool{}
	for pkg := range packages {
		elements := strings.Split(pkg, "/")
		n := 2
		if len(elements) < n {
			continue // a word alone is in many outputs
		}
		for n < len(elements) && near[strings.Join(elements[:n], "/")] {
			n++
		}
		roots[strings.Join(elements[:n], "/")] = true
	}
	return slices.Sorted(maps.Keys(roots))
}

// From longDir slashes on, the name of a directory is taken for what it is wherever it stands. A
// shorter one, such as /go/src/, can be the end of another: /usr/local/go/src/. One with less than
// shortDir, such as /app/, says nothing: other projects lie there, too, in containers of their own.
const shortDir, longDir = 3, 4

// names reports whether an output has the name of a file in one of the directories. In the tables
// of object files nothing separates a name from what is before it, so that one may seem to be a
// part of another.
func (s *scanner) names(o buildcache.Output, dirs []string) (bool, error) {
	var long, short []string
	for _, d := range dirs {
		switch n := strings.Count(d, "/"); {
		case n >= longDir:
			long = append(long, d)
		case n >= shortDir:
			short = append(short, d)
		}
	}
	if found, err := s.has(o, long); found || err != nil {
		return found, err
	}
	return s.search(o, short, func(before byte) bool {
		return !('a' <= before && before <= 'z' || 'A' <= before && before <= 'Z' || '0' <= before && before <= '9' || strings.IndexByte("-_.~/", before) >= 0)
	})
}
