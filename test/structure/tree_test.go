package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/org/gocache-action"

// source is one Go file of the module.
type source struct {
	dir  string // of the package, relative to the root of the module, with slashes; "." is the root
	test bool   // only compiled for tests
	file *ast.File
	fset *token.FileSet
}

// at returns a position in a source, for messages.
func (s source) at(p token.Pos) string {
	where := s.fset.Position(p)
	return where.Filename + ":" + strconv.Itoa(where.Line)
}

// imports returns the paths that a source imports.
func (s source) imports() []string {
	var list []string
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err) // the parser has already read it
		}
		list = append(list, p)
	}
	return list
}

// parse parses one source, whose name is relative to the root of the module.
func parse(name string, text []byte) (source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	return source{dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), file: f, fset: fset}, err
}

// readModule reads all sources of the module, for all operating systems. It leaves out modules in
// subdirectories, such as those of tools.
func readModule(t *testing.T) (list []source) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(root, file)
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(name), text)
		list = append(list, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// skipDir skips directories that the go command does not count as part of the module.
func skipDir(root, dir string) error {
	if dir == root {
		return nil
	}
	base := filepath.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// below reports whether a package, or an import path, is one of roots or lies below one of them.
func below(pkg string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return pkg == root || strings.HasPrefix(pkg, root+"/")
	})
}
