package moduleuse

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/keys"
)

// Main is a module of the project, with the versions that its go.sum names.
type Main struct {
	Dir  string
	Sums []module.Version
}

// Mains lists the modules of a project that are not vendored, first the one that the go command finds in the project directory,
// which is that of the file gomod. Files are the module files, with paths relative to the project directory.
func Mains(project, gomod string, files []keys.File) []Main {
	byDir := map[string]*Main{}
	for _, f := range files {
		dir := filepath.Dir(filepath.Join(project, filepath.FromSlash(f.Path)))
		if base := path.Base(f.Path); f.Vendored || base != "go.mod" && base != "go.sum" {
			continue
		}
		if byDir[dir] == nil {
			byDir[dir] = &Main{Dir: dir}
		}
		if path.Base(f.Path) == "go.sum" {
			byDir[dir].Sums = sumVersions(f.Data)
		}
	}
	var list []Main
	for _, m := range byDir {
		list = append(list, *m)
	}
	first := filepath.Dir(gomod)
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

// sumVersions lists the versions whose trees a go.sum names. The file was parsed before, so what is wrong with it is known.
func sumVersions(data []byte) (list []module.Version) {
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
			list = append(list, module.Version{Path: f[0], Version: f[1]})
		}
	}
	return list
}
