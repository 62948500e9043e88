package keys

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/samedir"
)

// Env is what Collect needs to know besides the files. The fields that are named like variables
// hold what `go env` prints in the project directory with GOTOOLCHAIN=local.
type Env struct {
	Name string // of what is being built

	// OS and Arch are the target, GOOS and GOARCH, as most of a build cache is compiled for it.
	// HostOS and HostArch differ from them when cross-compiling; then the key says both
	// ("linux-on-darwin"), because programs that run during the build are the host's.
	OS, Arch, HostOS, HostArch string

	GOVERSION   string
	GOTOOLCHAIN string // as set, not "local"
	GOMOD       string // absolute path, os.DevNull or ""
	GOWORK      string // absolute path, "off" or ""
	GOFLAGS     string

	Extra []string // becomes Input.Extra

	// Select becomes Input.Select. A pattern without wildcards can also name a file that the search
	// would not find, such as one in testdata or in a hidden directory: its module is collected,
	// too.
	Select []string

	// Skip lists absolute directories that are no part of the project, such as a
	// module cache that a CI system keeps within the checkout.
	Skip []string
}

// maxFile bounds one module file, in bytes. The go command accepts go.mod files of 16 MiB;
// the largest go.sum files known have under 1 MiB.
const maxFile = 64 << 20

// A collector gathers module files, each once.
type collector struct {
	dir  string // absolute project directory
	env  Env
	in   Input
	seen []seenFile // the go.mod files
	// nesting is set while nested modules are collected.
	nesting bool
	line    string // Go version that selects the toolchain
	// fetches is true once a module that is not vendored has checksums of its own.
	fetches bool
}

// Collect finds the module files of the project in dir:
//
//   - go.work, go.work.sum and the modules that it uses, also outside of dir, unless GOWORK is off;
//   - otherwise the module that dir belongs to;
//   - local directories that replace modules in any of them;
//   - modules nested below dir, since jobs build tools and examples, too.
//
// With -modfile in GOFLAGS the go.mod and go.sum that it names come before those in their usual
// places. These are collected as well, since most jobs use both.
//
// A file that cannot be read or parsed is left out, with a note: the job may correct it, or never
// use it. The only error is that the absolute path of dir cannot be determined.
func Collect(dir string, env Env) (Input, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Input{}, fmt.Errorf("project directory: %w", err)
	}
	c := &collector{dir: abs, env: env}
	c.in.Name = env.Name
	c.in.OS, c.in.Arch = crossed(env.OS, env.HostOS), crossed(env.Arch, env.HostArch)
	c.in.GoVersion = env.GOVERSION
	c.in.Select, c.in.Extra = env.Select, env.Extra
	c.main()
	c.nested()
	c.named()
	return c.in, nil
}

// crossed joins target and host if they differ.
func crossed(target, host string) string {
	if host == "" || host == target {
		return target
	}
	return target + "-on-" + host
}

// main collects what the go command itself reads in the project directory.
func (c *collector) main() {
	if c.env.GOWORK != "" && c.env.GOWORK != "off" {
		c.workspace(c.env.GOWORK)
		return
	}
	if c.env.GOMOD == "" || c.env.GOMOD == os.DevNull {
		return
	}
	root := c.same(filepath.Dir(c.env.GOMOD))
	vendored := func(mod *modfile.File) bool { return c.vendored(root, goLine(mod.Go), false) }
	for _, file := range []string{c.modFile(), filepath.Join(root, "go.mod")} {
		if file == "" {
			continue
		}
		mod, err := c.module(file, vendored)
		if err != nil {
			c.note("%v", err)
			continue
		}
		if c.line == "" {
			c.toolchain(mod.Go, mod.Toolchain)
		}
		c.replaced(root, mod.Replace)
	}
}

// modFile returns the file that -modfile names, "" without it. Paths are relative to the directory
// in which the go command runs.
func (c *collector) modFile() string {
	file := goflags.String(c.env.GOFLAGS, "modfile")
	if file == "" || filepath.Ext(file) != ".mod" { // the go command refuses others
		return ""
	}
	return local(c.dir, file)
}

// workspace collects go.work and its members. What is missing gets a note, since the job may check
// it out later.
func (c *collector) workspace(file string) {
	root := c.same(filepath.Dir(file))
	file = filepath.Join(root, filepath.Base(file))
	data, err := readFile(file)
	if err != nil {
		c.note("workspace: %v", err)
		return
	}
	f := File{Path: c.rel(file), Data: data}
	work, err := ParseWork(f)
	if err != nil {
		// Derive adds a note. The search finds those members that lie in the project.
		c.in.Files = append(c.in.Files, f)
		c.sums(file+".sum", false)
		return
	}
	vendored := c.vendored(root, goLine(work.Go), true)
	f.Vendored = vendored
	c.in.Files = append(c.in.Files, f)
	c.sums(file+".sum", vendored)
	c.toolchain(work.Go, work.Toolchain)
	for _, use := range work.Use {
		member := local(root, use.Path)
		mod, err := c.module(filepath.Join(member, "go.mod"), func(*modfile.File) bool { return vendored })
		if errors.Is(err, fs.ErrNotExist) {
			c.note("module %s listed in %s: there is no %s", use.Path, f.Path, c.rel(filepath.Join(member, "go.mod")))
			continue
		}
		if err != nil {
			c.note("module %s listed in %s: %v", use.Path, f.Path, err)
			continue
		}
		c.replaced(member, mod.Replace)
	}
	c.replaced(root, work.Replace)
}

// module collects a go.mod, which must exist, and the go.sum that belongs to it. Unless the module
// is nested, it does so even if the go.mod does not parse: Derive adds a note, and the checksums of
// its go.sum are used.
func (c *collector) module(file string, vendored func(*modfile.File) bool) (*modfile.File, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	f := File{Path: c.rel(file), Data: data, Nested: c.nesting}
	mod, err := ParseMod(f)
	if errors.Is(err, ErrSyntax) && !c.nesting {
		mod, err = new(modfile.File), nil // Derive adds a note
	}
	if err != nil || c.collected(file) {
		return mod, err
	}
	c.collect(file)
	f.Vendored = vendored(mod)
	c.in.Files = append(c.in.Files, f)
	found := c.sums(strings.TrimSuffix(file, ".mod")+".sum", f.Vendored)
	if f.Vendored && !c.fetches {
		c.in.Vendor = true
	}
	if found && !f.Vendored {
		c.fetches, c.in.Vendor = true, false
	}
	return mod, nil
}

// seenFile identifies a file by the identity of its directory, which can have several names. The
// identity of the file itself is not enough: equal files can be hard links to each other.
type seenFile struct {
	dir  fs.FileInfo
	base string
}

// collected reports whether a file was collected before, under any name.
func (c *collector) collected(file string) bool {
	info, err := os.Stat(filepath.Dir(file))
	return err == nil && slices.ContainsFunc(c.seen, func(s seenFile) bool {
		return s.base == filepath.Base(file) && os.SameFile(s.dir, info)
	})
}

func (c *collector) collect(file string) {
	if info, err := os.Stat(filepath.Dir(file)); err == nil {
		c.seen = append(c.seen, seenFile{info, filepath.Base(file)})
	}
}

// sums adds a checksum file, if there is one.
func (c *collector) sums(file string, vendored bool) (found bool) {
	data, err := readFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		c.note("checksums left out: %v", err)
		return false
	}
	c.in.Files = append(c.in.Files, File{Path: c.rel(file), Data: data, Vendored: vendored, Nested: c.nesting})
	return true
}

// replaced collects local directories that replace modules. It ignores missing ones: the go command
// reports them, if it needs the module.
func (c *collector) replaced(root string, list []*modfile.Replace) {
	for _, r := range list {
		if r.New.Version != "" || !modfile.IsDirectoryPath(r.New.Path) {
			continue
		}
		// It is built as a dependency of the main module: vendored with it or not at all.
		_, err := c.module(filepath.Join(local(root, r.New.Path), "go.mod"), func(*modfile.File) bool { return c.in.Vendor })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.note("replacement of %s: %v", r.Old.Path, err)
		}
	}
}

// toolchain replaces the version of the installed go command with the one that will run.
func (c *collector) toolchain(g *modfile.Go, t *modfile.Toolchain) {
	line := ""
	if t != nil {
		line = t.Name
	}
	c.line = cmp.Or(goLine(g), line, "none")
	c.in.GoVersion = Toolchain(c.env.GOVERSION, c.env.GOTOOLCHAIN, goLine(g), line)
}

func goLine(g *modfile.Go) string {
	if g == nil {
		return ""
	}
	return g.Version
}

// local resolves a directory named in a go.mod or go.work.
func local(root, dir string) string {
	dir = filepath.FromSlash(dir)
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return filepath.Join(root, dir)
}

// same returns the name of a directory in terms of the project directory, if it is that directory,
// contains it or lies in it. Otherwise a symbolic link or a short name (Windows) could give one
// file two names, or make the key depend on where the checkout is.
func (c *collector) same(root string) string {
	info, err := os.Stat(root)
	if err != nil {
		return root
	}
	for p := c.dir; ; p = filepath.Dir(p) {
		if own, err := os.Stat(p); err == nil && os.SameFile(own, info) {
			return p
		}
		if p == filepath.Dir(p) {
			break
		}
	}
	if rel, ok := samedir.Inside(root, c.dir); ok {
		return filepath.Join(c.dir, filepath.FromSlash(rel))
	}
	return root
}

// rel returns the name of a file in the key. It is relative to the project, so that a checkout
// elsewhere has the same key, but absolute for a file on another drive of Windows.
func (c *collector) rel(file string) string {
	rel, err := filepath.Rel(c.dir, file)
	if err != nil {
		rel = file
	}
	return filepath.ToSlash(rel)
}

// readFile reads a module file of at most maxFile bytes. Its errors name the file.
func readFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		// A directory can be called go.mod. The go command does not treat it as a module file.
		return nil, &fs.PathError{Op: "read", Path: file, Err: fs.ErrNotExist}
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the limit of %d", file, info.Size(), int64(maxFile))
	}
	return os.ReadFile(file)
}
