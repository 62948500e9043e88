package misses

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

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
		Dir           string // its root
		GoMod         string
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
	return p.Dir != "" && !p.Standard && (!stored || p.vendored())
}

// vendored reports whether a package of a module lies in a directory vendor.
func (p Package) vendored() bool {
	return strings.HasSuffix(filepath.ToSlash(p.Dir), "/vendor/"+p.ImportPath)
}

func (p Package) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// sources are the ends of the names of files that may be part of a package without being embedded
// (go/build).
var sources = []string{".go", ".s", ".S", ".sx", ".c", ".cc", ".cpp", ".cxx", ".m", ".f", ".F", ".for", ".f90", ".h", ".hh", ".hpp", ".hxx",
	".swig", ".swigcxx", ".syso"}

// has reports whether a package is made of a file. Sources that a build leaves out count as well.
func (p Package) has(file string) bool {
	dir, file := clean(p.Dir), clean(file)
	if filepath.Dir(file) == dir && slices.Contains(sources, filepath.Ext(file)) {
		return true
	}
	for _, list := range [][]string{p.EmbedFiles, p.TestEmbedFiles, p.XTestEmbedFiles} {
		for _, name := range list {
			if filepath.Join(dir, clean(filepath.FromSlash(name))) == file {
				return true
			}
		}
	}
	return false
}

// clean is a path such that two of one file are equal.
func clean(path string) string {
	if runtime.GOOS == "windows" {
		path = strings.ToLower(path)
	}
	return filepath.Clean(path)
}
