package buildcache

import (
	"bytes"
	"fmt"
	"go/importer"
	"go/token"
	"io"
	"os"
)

// Kinds of outputs, as Describe tells them.
const (
	KindPackage = "package"       // what the compiler made of a package
	KindProgram = "program"       // of go run or go tool
	KindTestLog = "test log"      // what a test read, which decides whether its result still holds
	KindResult  = "test result"   // what a test printed
	KindIndex   = "package index" // what the go command noted about a package or module
	KindOther   = "other"
)

// magics are what files of a kind begin with, as the go command and the compiler write them.
var magics = []struct {
	prefix, kind string
}{
	{"!<arch>\n", KindPackage},
	{"# test log\n", KindTestLog},
	{"go index v", KindIndex},
	{"ok  \t", KindResult},
	{"PASS\n", KindResult},
	{"=== RUN", KindResult},
}

// Kind says what an output is, by its first bytes.
func (c *Cache) Kind(o Output) string {
	if o.Exec != "" {
		return KindProgram
	}
	f, err := os.Open(c.outputFile(o.ID))
	if err != nil {
		return KindOther
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head) // the shortest are shorter
	for _, m := range magics {
		if bytes.HasPrefix(head[:n], []byte(m.prefix)) {
			return m.kind
		}
	}
	return KindOther
}

// Describe says what an output is, and what it is of: the import path of a package, the file name of a program, "" where the file does not
// tell. For a package its export data is decoded, which takes some tens of milliseconds where it is large.
func (c *Cache) Describe(o Output) (kind, name string) {
	kind = c.Kind(o)
	switch kind {
	case KindProgram:
		return kind, o.Exec
	case KindPackage:
		path, err := importPath(c.outputFile(o.ID))
		if err != nil {
			return kind, "" // of assembly alone, or from a later compiler than this program
		}
		return kind, path
	}
	return kind, ""
}

// importPath reads the import path out of the export data of a compiled package: its files are named by what went into them,
// and nothing else in a build cache has the path.
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
