package buildcache

import (
	"fmt"
	"go/importer"
	"go/token"
	"io"
	"os"

	"github.com/org/gocache-action/internal/goentry"
)

// Kind says what an output is. An error means that the output cannot be read.
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

// Describe returns the kind of an output, and its name: the import path of a package, the file name
// of a program, or "" if the file does not tell. For a package it decodes the export data, which
// takes tens of milliseconds for a large one.
func (c *Cache) Describe(o Output) (kind goentry.Kind, name string) {
	kind, _ = c.Kind(o)
	switch kind {
	case goentry.KindProgram:
		return kind, o.Exec
	case goentry.KindPackage:
		path, err := importPath(c.outputFile(o.ID))
		if err != nil {
			return kind, "" // only assembly, or written by a newer compiler than this program knows
		}
		return kind, path
	}
	return kind, ""
}

// importPath reads the import path from the export data of a compiled package. Nothing else in a
// build cache has it: files are named by hashes.
func importPath(file string) (path string, err error) {
	defer func() {
		if e := recover(); e != nil { // the importer panics on a format that it does not know
			err = fmt.Errorf("%s: %v", file, e)
		}
	}()
	open := func(string) (io.ReadCloser, error) { return os.Open(file) }
	// The importer returns the path that it was asked for if the package has none of its own.
	pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import("_")
	if err != nil {
		return "", err
	}
	if pkg.Path() == "_" {
		return "", nil
	}
	return pkg.Path(), nil
}
