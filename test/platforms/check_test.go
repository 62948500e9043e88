package platforms

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// pkg is what is needed of the output of go list. A package that is compiled again for a test is
// another package.
type pkg struct {
	Dir, ImportPath  string
	GoFiles, Imports []string
	ImportMap        map[string]string
	Module           *struct {
		Main      bool
		GoVersion string
	}
	DepOnly bool
	Error   *struct{ Err string }
}

// ours reports whether mistakes in functions count: those of others were looked for by others.
func (p *pkg) ours() bool { return p.Module != nil && p.Module.Main }

// list returns all packages and tests below dir, and what they import, for a platform. Each comes
// after what it imports.
func list(dir, goos, goarch string) (pkgs []*pkg, err error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-test", "-json=Dir,ImportPath,GoFiles,Imports,ImportMap,Module,DepOnly,Error", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(out); ; {
		p := new(pkg)
		if err = dec.Decode(p); err != nil {
			break
		}
		pkgs = append(pkgs, p)
	}
	if err != io.EOF {
		return nil, errors.Join(err, cmd.Wait())
	}
	return pkgs, cmd.Wait()
}

// checker knows the packages that were checked, by the paths that go list gives them.
type checker struct {
	fset  *token.FileSet
	sizes types.Sizes
	done  map[string]*types.Package
}

// check checks packages in the order of list, and returns the mistakes.
func check(pkgs []*pkg, goarch string) error {
	c := &checker{token.NewFileSet(), types.SizesFor("gc", goarch), map[string]*types.Package{"unsafe": types.Unsafe}}
	var all []error
	for _, p := range pkgs {
		if p.Error != nil {
			all = append(all, fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err))
		} else if err := c.check(p); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// check checks one package.
func (c *checker) check(p *pkg) error {
	if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") { // the main of a test is generated
		return nil
	}
	files, err := c.parse(p)
	if err != nil {
		return err
	}
	var mistakes []error
	conf := types.Config{
		IgnoreFuncBodies: !p.ours(), FakeImportC: true, Sizes: c.sizes, Importer: importer{c, p.ImportMap},
		Error: func(err error) { mistakes = append(mistakes, err) },
	}
	if p.Module != nil && p.Module.GoVersion != "" {
		conf.GoVersion = "go" + p.Module.GoVersion
	}
	path, _, _ := strings.Cut(p.ImportPath, " ") // "a/b [a/b.test]"
	c.done[p.ImportPath], _ = conf.Check(path, c.fset, files, nil)
	return errors.Join(mistakes...)
}

// parse reads the files of a package, as many at once as there are processors.
func (c *checker) parse(p *pkg) ([]*ast.File, error) {
	files, errs := make([]*ast.File, len(p.GoFiles)), make([]error, len(p.GoFiles))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, name := range p.GoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			files[i], errs[i] = parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
		})
	}
	wg.Wait()
	return files, errors.Join(errs...)
}

// importer finds what a package imports.
type importer struct {
	c     *checker
	paths map[string]string // from paths in sources to those of go list, where they differ
}

func (i importer) Import(path string) (*types.Package, error) {
	if listed, ok := i.paths[path]; ok {
		path = listed
	}
	if p := i.c.done[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("go list does not know %q", path)
}
