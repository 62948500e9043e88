package moduleuse

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/keys"
)

// Main is a module of the project, with the versions that its go.sum names.
type Main struct {
	Dir  string
	Sums []module.Version
}

// Mains lists the modules of a project that are not vendored. The first is the one that the go
// command finds in the project directory, whose go.mod is the file gomod. files are the module
// files, with paths relative to the project directory.
func Mains(project, gomod string, files []keys.File) []Main {
	byDir := map[string]*Main{}
	for _, f := range files {
		dir := filepath.Dir(filepath.Join(project, filepath.FromSlash(f.Path)))
		if f.Vendored || path.Ext(f.Path) == ".work" || strings.HasSuffix(f.Path, ".work.sum") {
			continue
		}
		if byDir[dir] == nil {
			byDir[dir] = &Main{Dir: dir}
		}
		if path.Ext(f.Path) == ".sum" { // modules of -modfile are built in the same directory
			byDir[dir].Sums = append(byDir[dir].Sums, sumVersions(f.Data)...)
		}
	}
	var list []Main
	for _, m := range byDir {
		list = append(list, *m)
	}
	first := firstDir(list, filepath.Dir(gomod))
	slices.SortFunc(list, func(a, b Main) int {
		if (a.Dir == first) != (b.Dir == first) {
			if a.Dir == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(len(a.Dir), len(b.Dir)), strings.Compare(a.Dir, b.Dir))
	})
	return list
}

// firstDir is the one of the directories that is main, whatever main is called.
func firstDir(list []Main, main string) string {
	for _, m := range list {
		if m.Dir == main {
			return main
		}
	}
	for _, m := range list {
		if samedir.Same(m.Dir, main) {
			return m.Dir
		}
	}
	return main
}

// sumVersions lists the versions whose trees a go.sum names. Errors in the file were reported when
// keys parsed it.
func sumVersions(data []byte) (list []module.Version) {
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
			list = append(list, module.Version{Path: f[0], Version: f[1]})
		}
	}
	return list
}
