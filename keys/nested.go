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

	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/samedir"
)

// maxDirs bounds the search for nested modules, in directories looked into. It protects against
// trees that are not a checkout, such as a home directory, where the search would take minutes.
const maxDirs = 100_000

// nested collects the modules below the project directory that nothing refers to. It does not look
// into
//
//   - vendor and node_modules: third-party code, whose go.mod files do not matter here;
//   - testdata: modules made for tests, often broken on purpose;
//   - hidden directories, .git among them: the go command ignores them too, and runners keep caches
//     there;
//   - the directories of Env.Skip, and symbolic links.
//
// Directories with a leading underscore are looked into, although "./..." leaves them
// out: _examples and _tools are modules in many projects.
func (c *collector) nested() {
	n := 0
	// WalkDir follows no links, not even as its root.
	root := samedir.Real(c.dir)
	skip := c.skips()
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			c.note("nested modules: %v", err)
			return fs.SkipDir
		}
		if !d.IsDir() {
			if ext := filepath.Ext(path); ext == ".mod" || ext == ".sum" {
				c.matched(c.respell(path, root))
			}
			return nil
		}
		if path != root && skipped(skip, path, d) {
			return fs.SkipDir
		}
		if n++; n > maxDirs {
			c.note("search for nested modules stopped after %d directories", maxDirs)
			return fs.SkipAll
		}
		c.maybeModule(filepath.Join(c.respell(path, root), "go.mod"))
		return nil
	})
}

// respell converts the name of a file below root, another name of the project directory, to the
// spelling of all other files.
func (c *collector) respell(path, root string) string {
	return filepath.Join(c.dir, path[len(root):])
}

// skips are those of the directories to skip that lie in the project, by whatever name.
func (c *collector) skips() (list []fs.FileInfo) {
	for _, dir := range c.env.Skip {
		if rel, ok := samedir.Inside(dir, c.dir); !ok || rel == "." {
			continue
		}
		if info, err := os.Stat(dir); err == nil {
			list = append(list, info)
		}
	}
	return list
}

// skipped reports whether a directory is skipped, because of its name or its identity. The identity
// needs a call of its own: on Windows, not every file system lists with a directory what
// os.SameFile needs.
func skipped(skip []fs.FileInfo, path string, d fs.DirEntry) bool {
	switch d.Name() {
	case "vendor", "node_modules", "testdata":
		return true
	}
	if strings.HasPrefix(d.Name(), ".") {
		return true
	}
	if len(skip) == 0 {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && slices.ContainsFunc(skip, func(s fs.FileInfo) bool { return os.SameFile(s, info) })
}

// maybeModule collects the module of a go.mod, if there is one that was not collected yet.
func (c *collector) maybeModule(file string) {
	if c.collected(file) {
		return
	}
	dir := filepath.Dir(file)
	c.nesting = true
	defer func() { c.nesting = false }()
	_, err := c.module(file, func(mod *modfile.File) bool { return c.vendored(dir, goLine(mod.Go), false) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.note("nested module left out: %v", err)
	}
}

func (c *collector) note(format string, args ...any) {
	c.in.Notes = append(c.in.Notes, fmt.Sprintf(format, args...))
}

// vendored reports whether the go command builds the module or workspace in root from its vendor
// directory. It follows cmd/go/internal/modload.setDefaultBuildMod: -mod says so, or Go 1.14 or
// later made the vendor directory in the same mode. Unlike cmd/go it requires modules.txt: a vendor
// directory without it was made by another tool.
func (c *collector) vendored(root, goLine string, workspace bool) bool {
	switch goflags.String(c.env.GOFLAGS, "mod") {
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
