package build

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/goentry"
)

// Own tells the packages of a project from those of others whose jobs use the same build cache.
type Own struct {
	// Modules are the paths of the modules of which the project builds packages.
	Modules map[string]bool
	// Marks are what programs of the project contain, which have no import path of their own: the
	// paths and directories of its modules, and those of tools.
	Marks []string
}

// origin says whose an output is.
type origin int

const (
	unknown origin = iota
	own
	foreign
)

// forgetOthers leaves new entries out that jobs of other projects made or used at the same time, or
// shortly before this job: there the times tell nothing. What was compiled has an import path, and
// so it can be told whose it is. Of the rest, such as results of tests and the facts of vet, that
// is not known; where anybody can read what is saved, only what has a mark of the project is.
func (s *scanner) forgetOthers(ctx context.Context) error {
	if s.Own == nil || s.State == nil || !s.State.Kept {
		return nil
	}
	mine, err := s.Own(ctx)
	if err != nil {
		return err
	}
	gone := make([]bool, len(s.inv.Entries))
	err = install.Each(ctx, len(gone), 2*runtime.GOMAXPROCS(0), func(i int) {
		if e := s.inv.Entries[i]; s.Stock.LastUse(e.Action) == 0 {
			o, _ := s.inv.Output(e.Output)
			from := s.origin(o, mine)
			gone[i] = from == foreign || from == unknown && s.Public
		}
	})
	if err != nil {
		return err
	}
	i := 0
	s.inv.Entries = slices.DeleteFunc(s.inv.Entries, func(buildcache.Local) bool {
		i++
		if gone[i-1] {
			s.found.Foreign++
		}
		return gone[i-1]
	})
	return nil
}

// origin tells whose an output is. Of package indexes forgetMentions knows more, and what is empty
// is everybody's.
func (s *scanner) origin(o buildcache.Output, mine Own) origin {
	kind, name := s.cache.Describe(o)
	switch {
	case kind == goentry.KindIndex, o.Size == 0:
		return own
	case kind == goentry.KindPackage && name != "" && name != "main" && name != "command-line-arguments":
		return mine.of(name, s.GOROOT)
	case !s.Public:
		return unknown
	}
	if found, err := s.has(o, mine.Marks); err == nil && found {
		return own
	}
	return unknown
}

// of tells whose a package is. Those of the Go distribution are everybody's.
func (w Own) of(pkg, goroot string) origin {
	for _, p := range []string{pkg, strings.TrimSuffix(pkg, "_test")} {
		for dir := p; dir != "." && dir != "/"; dir = path.Dir(dir) {
			if w.Modules[dir] {
				return own
			}
		}
		first, _, _ := strings.Cut(p, "/")
		if strings.Contains(first, ".") {
			continue
		}
		if goroot == "" {
			return unknown
		}
		if _, err := os.Stat(filepath.Join(goroot, "src", filepath.FromSlash(p))); err == nil {
			return own
		}
	}
	return foreign
}
