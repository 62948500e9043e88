package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Env is what Collect has to know beside the files. The fields that are named like
// variables hold what `go env` prints in the project directory with GOTOOLCHAIN=local.
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

	// Select becomes Input.Select. A pattern without wildcards that names a file which is not searched for, such as
	// one in testdata or in a hidden directory, has its module collected as well.
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
	seen map[string]bool // absolute module directories
	// fetches is true once a module that is not vendored has checksums of its own.
	fetches bool
}

// Collect finds the module files of the project in dir:
//
//   - go.work, go.work.sum and the modules that it uses, also outside of dir, unless GOWORK is off;
//   - else the module that dir belongs to;
//   - local directories that any of them puts in place of a module (replace);
//   - modules nested below dir, for jobs build tools and examples too.
//
// A go.mod of a nested module that does not parse is left out, with a note,
// as the go command never reads it; any other one is an error that names file and line.
func Collect(dir string, env Env) (Input, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Input{}, fmt.Errorf("project directory: %w", err)
	}
	c := &collector{dir: abs, env: env, seen: make(map[string]bool)}
	c.in.Name = env.Name
	c.in.OS, c.in.Arch = crossed(env.OS, env.HostOS), crossed(env.Arch, env.HostArch)
	c.in.GoVersion = env.GOVERSION
	if err := c.main(); err != nil {
		return Input{}, err
	}
	if err := c.nested(); err != nil {
		return Input{}, err
	}
	c.in.Select = env.Select
	return c.in, c.named()
}

// crossed joins target and host where they differ.
func crossed(target, host string) string {
	if host == "" || host == target {
		return target
	}
	return target + "-on-" + host
}

// main collects what the go command itself reads in the project directory.
func (c *collector) main() error {
	if c.env.GOWORK != "" && c.env.GOWORK != "off" {
		return c.workspace(c.env.GOWORK)
	}
	if c.env.GOMOD == "" || c.env.GOMOD == os.DevNull {
		return nil
	}
	root := c.same(filepath.Dir(c.env.GOMOD))
	mod, err := c.module(root, func(mod *modfile.File) bool { return c.vendored(root, goLine(mod.Go), false) })
	if err != nil {
		return err
	}
	c.toolchain(mod.Go, mod.Toolchain)
	return c.replaced(root, mod.Replace)
}

// workspace collects go.work and its members.
func (c *collector) workspace(file string) error {
	root := c.same(filepath.Dir(file))
	file = filepath.Join(root, filepath.Base(file))
	data, err := readFile(file)
	if err != nil {
		return err
	}
	f := File{Path: c.rel(file), Data: data}
	work, err := parseWork(f)
	if err != nil {
		return err
	}
	vendored := c.vendored(root, goLine(work.Go), true)
	f.Vendored = vendored
	c.in.Files = append(c.in.Files, f)
	if _, err := c.sums(file+".sum", vendored); err != nil {
		return err
	}
	c.toolchain(work.Go, work.Toolchain)
	for _, use := range work.Use {
		member := local(root, use.Path)
		mod, err := c.module(member, func(*modfile.File) bool { return vendored })
		if err != nil {
			return fmt.Errorf("module %s listed in %s: %w", use.Path, f.Path, err)
		}
		if err := c.replaced(member, mod.Replace); err != nil {
			return err
		}
	}
	return c.replaced(root, work.Replace)
}

// module collects go.mod and go.sum of one module, whose go.mod must exist.
func (c *collector) module(root string, vendored func(*modfile.File) bool) (*modfile.File, error) {
	file := filepath.Join(root, "go.mod")
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	f := File{Path: c.rel(file), Data: data}
	mod, err := parseMod(f)
	if err != nil || c.seen[root] {
		return mod, err
	}
	c.seen[root] = true
	f.Vendored = vendored(mod)
	c.in.Files = append(c.in.Files, f)
	found, err := c.sums(filepath.Join(root, "go.sum"), f.Vendored)
	if f.Vendored && !c.fetches {
		c.in.Vendor = true
	}
	if found && !f.Vendored {
		c.fetches, c.in.Vendor = true, false
	}
	return mod, err
}

// sums adds a checksum file, if there is one.
func (c *collector) sums(file string, vendored bool) (found bool, err error) {
	data, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.in.Files = append(c.in.Files, File{Path: c.rel(file), Data: data, Vendored: vendored})
	return true, nil
}

// replaced collects local directories that stand in for modules. One that is not there
// is the go command's to complain about: it does so only when it needs the module.
func (c *collector) replaced(root string, list []*modfile.Replace) error {
	for _, r := range list {
		if r.New.Version != "" || !modfile.IsDirectoryPath(r.New.Path) {
			continue
		}
		dir := local(root, r.New.Path)
		if c.seen[dir] {
			continue
		}
		// It is built as a dependency of the main module: vendored with it or not at all.
		_, err := c.module(dir, func(*modfile.File) bool { return c.in.Vendor })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replacement of %s: %w", r.Old.Path, err)
		}
	}
	return nil
}

// toolchain replaces the version of the installed go by the one that will run.
func (c *collector) toolchain(g *modfile.Go, t *modfile.Toolchain) {
	line := ""
	if t != nil {
		line = t.Name
	}
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

// same returns the project directory where root is that directory by another name
// (a symbolic link, a short name on Windows), so that no module is collected twice.
func (c *collector) same(root string) string {
	a, errA := os.Stat(root)
	b, errB := os.Stat(c.dir)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return c.dir
	}
	return root
}

// rel names a file in the key: relative to the project, so that a checkout elsewhere
// has the same key. On another Windows drive it is absolute.
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
		// A directory may be called go.mod, and to the go command it is no module file.
		return nil, &fs.PathError{Op: "read", Path: file, Err: fs.ErrNotExist}
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the limit of %d", file, info.Size(), int64(maxFile))
	}
	return os.ReadFile(file)
}

// modFlag returns the value of the last -mod flag in GOFLAGS, or "".
func modFlag(goflags string) string {
	mode := ""
	for _, f := range strings.Fields(goflags) {
		f = strings.TrimLeft(f, `-'"`)
		if v, ok := strings.CutPrefix(f, "mod="); ok {
			mode = strings.TrimRight(v, `'"`)
		}
	}
	return mode
}
