package buildcache

import (
	"fmt"

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
// of a program, or "" if the file does not tell.
func (c *Cache) Describe(o Output) (kind goentry.Kind, name string) {
	kind, _ = c.Kind(o)
	switch kind {
	case goentry.KindProgram:
		return kind, o.Exec
	case goentry.KindPackage:
		return kind, importPath(c, o)
	}
	return kind, ""
}

// importPath is that of a compiled package. It is "" for what has no export data, being only
// assembly, or written by a newer compiler than this program knows.
func importPath(c *Cache, o Output) string {
	f, err := c.OpenOutput(o)
	if err != nil {
		return ""
	}
	defer f.Close()
	path, err := goentry.ImportPath(f)
	if err != nil {
		return ""
	}
	return path
}
