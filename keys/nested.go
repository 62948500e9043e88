package keys

import (
	"bufio"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// maxDirs bounds the search for nested modules, in directories looked into. It is a guard against
// trees that are no checkout (a home directory), where the search would take minutes.
const maxDirs = 100_000

// nested collects the modules below the project directory that nothing refers to. It does not look into
//
//   - vendor and node_modules: code of others, whose go.mod files select nothing here;
//   - testdata: modules made for tests, often broken on purpose;
//   - hidden directories, .git among them: the go command ignores them too, and runners keep caches there;
//   - the directories of Env.Skip, and symbolic links.
//
// Directories with a leading underscore are looked into, although "./..." leaves them
// out: _examples and _tools are modules in many projects.
func (c *collector) nested() error {
	n := 0
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return c.unreadable(path, err)
		}
		if !d.IsDir() {
			return nil
		}
		if path != c.dir && c.skipped(path, d.Name()) {
			return fs.SkipDir
		}
		if n++; n > maxDirs {
			c.note("search for nested modules stopped after %d directories", maxDirs)
			return fs.SkipAll
		}
		return c.maybeModule(path)
	})
	return err
}

// unreadable lets the search go on without a directory below the project's.
func (c *collector) unreadable(path string, err error) error {
	if path == c.dir {
		return fmt.Errorf("project directory: %w", err)
	}
	c.note("nested modules: %v", err)
	return fs.SkipDir
}

func (c *collector) skipped(path, name string) bool {
	switch name {
	case "vendor", "node_modules", "testdata":
		return true
	}
	return strings.HasPrefix(name, ".") || slices.Contains(c.env.Skip, path)
}

// maybeModule collects the module in dir, if there is one that was not collected yet.
func (c *collector) maybeModule(dir string) error {
	if c.seen[dir] {
		return nil
	}
	_, err := c.module(dir, func(mod *modfile.File) bool { return c.vendored(dir, goLine(mod.Go), false) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, ErrSyntax), errors.Is(err, fs.ErrPermission):
		c.note("nested module left out: %v", err)
		return nil
	}
	return err
}

func (c *collector) note(format string, args ...any) {
	c.in.Notes = append(c.in.Notes, fmt.Sprintf(format, args...))
}

// vendored tells whether the go command builds the module or workspace in root from its vendor
// directory, as cmd/go/internal/modload.setDefaultBuildMod decides: -mod says so,
// or vendor was made by Go 1.14 or later in the same mode. Other than cmd/go it asks for modules.txt:
// a vendor directory without one was made by another tool.
func (c *collector) vendored(root, goLine string, workspace bool) bool {
	switch modFlag(c.env.GOFLAGS) {
	case "vendor":
		return true
	case "mod", "readonly":
		return false
	}
	if goLine == "" || version.Compare("go"+goLine, "go1.14") < 0 {
		return false
	}
	ofWorkspace, err := vendorKind(filepath.Join(root, "vendor", "modules.txt"))
	return err == nil && ofWorkspace == workspace
}

// vendorKind reads from the first line of modules.txt whether it was made by
// `go work vendor` ("## workspace") or by `go mod vendor`.
func vendorKind(file string) (workspace bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 512).ReadSlice('\n')
	notes, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "## ")
	if !ok {
		return false, nil
	}
	for note := range strings.SplitSeq(notes, ";") {
		if strings.TrimSpace(note) == "workspace" {
			return true, nil
		}
	}
	return false, nil
}
