package buildcache

import (
	"fmt"
	"go/importer"
	"go/token"
	"io"
	"os"

	"github.com/org/gocache-action/internal/goentry"
)

// Kind says what an output is. The error is that of reading it.
func (c *Cache) Kind(o Output) (goentry.Kind, error) {
	if o.Exec != "" {
		return goentry.KindProgram, nil
	}
	head, tail, err := c.Ends(o, goentry.Sniffed)
	if err != nil {
		return goentry.KindOther, fmt.Errorf("output %s: %w", o.ID, err)
	}
	return goentry.KindOf(head, tail), nil
}

// Describe says what an output is, and what it is of: the import path of a package, the file name
// of a program, "" where the file does not tell. For a package its export data is decoded, which
// takes some tens of milliseconds where it is large.
func (c *Cache) Describe(o Output) (kind goentry.Kind, name string) {
	kind, _ = c.Kind(o)
	switch kind {
	case goentry.KindProgram:
		return kind, o.Exec
	case goentry.KindPackage:
		path, err := importPath(c.outputFile(o.ID))
		if err != nil {
			return kind, "" // of assembly alone, or from a later compiler than this program
		}
		return kind, path
	}
	return kind, ""
}

// importPath reads the import path out of the export data of a compiled package: its files are
// named by what went into them, and nothing else in a build cache has the path.
func importPath(file string) (path string, err error) {
	defer func() {
		if e := recover(); e != nil { // so the importer reports what it does not know
			err = fmt.Errorf("%s: %v", file, e)
		}
	}()
	open := func(string) (io.ReadCloser, error) { return os.Open(file) }
	// The path that is asked for stands for a package without one of its own.
	pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import("_")
	if err != nil {
		return "", err
	}
	if pkg.Path() == "_" {
		return "", nil
	}
	return pkg.Path(), nil
}
