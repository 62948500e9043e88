package misses

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"golang.org/x/mod/module"
)

// A Package is what go list says of one.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	CgoFiles   []string
	Module     *struct {
		Path, Version string
		Replace       *struct{ Path, Version string }
	}
	EmbedFiles, TestEmbedFiles, XTestEmbedFiles []string
	TestGoFiles, XTestGoFiles                   []string
}

// ListFields are the fields to ask go list for.
const ListFields = "ImportPath,Name,Dir,Standard,CgoFiles,Module,EmbedFiles,TestEmbedFiles,XTestEmbedFiles,TestGoFiles,XTestGoFiles"

// ParsePackages reads what `go list -json` prints. The result is by import path.
func ParsePackages(r io.Reader) (map[string]Package, error) {
	list := map[string]Package{}
	for d := json.NewDecoder(r); ; {
		var p Package
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list[p.ImportPath] = p
	}
}

// version is the module version whose files are compiled; false for a package of the project, or of
// a directory that replaces a module.
func (p Package) version() (module.Version, bool) {
	if p.Module == nil {
		return module.Version{}, false
	}
	v := module.Version{Path: p.Module.Path, Version: p.Module.Version}
	if r := p.Module.Replace; r != nil {
		v = module.Version{Path: r.Path, Version: r.Version}
	}
	return v, v.Version != ""
}

// local reports whether the sources of a package lie in the project, or beside it.
func (p Package) local() bool {
	_, stored := p.version()
	return p.Dir != "" && !p.Standard && !stored
}

func (p Package) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// has reports whether a package is made of a file. Those that a build leaves out count as well.
func (p Package) has(file string) bool {
	if filepath.Dir(file) == p.Dir {
		return true
	}
	rel, err := filepath.Rel(p.Dir, file)
	if err != nil {
		return false
	}
	rel = filepath.ToSlash(rel)
	return slices.Contains(p.EmbedFiles, rel) || slices.Contains(p.TestEmbedFiles, rel) || slices.Contains(p.XTestEmbedFiles, rel)
}
