package whymodule

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/osfile"
)

// A scratch is a directory in which go commands work on copies of the project's module files, and
// download what the module cache lacks. It is removed afterwards.
type scratch struct {
	dir   string
	o     *Options
	flags string // GOFLAGS
	work  string // the copy of go.work, or "off"
}

func newScratch(o *Options) (*scratch, error) {
	dir, err := os.MkdirTemp("", "gocache-doctor-")
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: dir, o: o, flags: o.Settings.GOFLAGS + " -modcacherw", work: "off"}
	// The go.mod keeps one in a parent directory from counting, with what it replaces.
	err = errors.Join(os.Mkdir(s.in("project"), 0o777), os.Mkdir(s.in("empty"), 0o777),
		os.WriteFile(s.in("empty", "go.mod"), []byte("module gocache.invalid/doctor\n\ngo 1.21\n"), 0o666))
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *scratch) in(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s *scratch) remove() { _ = osfile.RemoveAll(s.dir) }

// copyModule copies go.mod and go.sum, or go.work in a workspace, where no other file is written.
func (s *scratch) copyModule() error {
	if isSet(s.o.GOWORK) {
		s.work = s.in("project", "go.work")
		s.flags += " -mod=readonly"
		return copyWork(s.o.GOWORK, s.work)
	}
	mod := modFile(s.o)
	data, err := os.ReadFile(mod)
	if err != nil {
		return err
	}
	copied := s.in("project", "go.mod")
	s.flags += " -mod=mod '-modfile=" + copied + "'"
	if err := os.WriteFile(copied, data, 0o666); err != nil {
		return err
	}
	return copyFile(strings.TrimSuffix(mod, ".mod")+".sum", s.in("project", "go.sum"))
}

// modFile is the file that counts as go.mod: GOFLAGS may name another one.
func modFile(o *Options) string {
	name := goflags.String(o.Settings.GOFLAGS, "modfile")
	switch {
	case name == "":
		return o.GOMOD
	case filepath.IsAbs(name):
		return name
	}
	return filepath.Join(o.Dir, name)
}

// isSet reports whether GOMOD or GOWORK name a file.
func isSet(name string) bool {
	return name != "" && name != "off" && name != os.DevNull && name != "NUL"
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}

// copyWork copies go.work and go.work.sum. What go.work names relative to itself becomes absolute.
func copyWork(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := modfile.ParseWork(from, data, nil)
	if err != nil {
		return err
	}
	base := filepath.Dir(from)
	use, replace := *f, f.Replace
	for _, u := range append([]*modfile.Use(nil), use.Use...) {
		dir := absolute(base, u.Path)
		if err := errors.Join(f.DropUse(u.Path), f.AddUse(filepath.ToSlash(dir), u.ModulePath)); err != nil {
			return err
		}
	}
	for _, r := range append([]*modfile.Replace(nil), replace...) {
		if r.New.Version == "" && modfile.IsDirectoryPath(r.New.Path) {
			if err := f.AddReplace(r.Old.Path, r.Old.Version, filepath.ToSlash(absolute(base, r.New.Path)), ""); err != nil {
				return err
			}
		}
	}
	f.Cleanup()
	if err := os.WriteFile(to, modfile.Format(f.Syntax), 0o666); err != nil {
		return err
	}
	return copyFile(from+".sum", to+".sum")
}

func absolute(base, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

// inProject runs a go command in the project: with what the module cache has, else with what it
// lacks in a cache of its own. That is not for toolchains, which are hundreds of megabytes: the one
// of the project is run from where it is.
func (s *scratch) inProject(ctx context.Context, args ...string) ([]byte, error) {
	out, err := s.offline(ctx, args...)
	if err == nil || ctx.Err() != nil {
		return out, err
	}
	goroot, err := s.offline(ctx, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	root := strings.TrimSpace(string(goroot))
	chain := fileURL(filepath.Join(s.o.ModDir, "cache", "download")) + "," + s.o.Settings.GOPROXY
	env := s.env("GOPROXY="+chain, "GOMODCACHE="+s.in("mod"), "GOTOOLCHAIN=local", "GOROOT="+root)
	return s.o.Run(ctx, filepath.Join(root, "bin", "go"), s.o.Dir, env, args...)
}

// offline runs a go command in the project, with what is in the module cache. For modules that
// match GONOPROXY, which is GOPRIVATE unless it is set, GOPROXY=off does not count.
func (s *scratch) offline(ctx context.Context, args ...string) ([]byte, error) {
	env := s.env("GOPROXY=off", "GONOPROXY=none")
	if _, err := os.Stat(s.o.ModDir); err != nil { // the go command would make it
		env = append(env, "GOMODCACHE="+s.in("mod"))
	}
	return s.o.Run(ctx, "go", s.o.Dir, env, args...)
}

// env is what all go commands of the project get. The checksum database is asked about no module:
// they are to tell what is selected, not to build it. With GOSUMDB=off the go command would also
// refuse to switch to a toolchain that is here.
func (s *scratch) env(more ...string) []string {
	debug := strings.TrimPrefix(s.o.GODEBUG+",goindex=0", ",") // no index of modules in GOCACHE
	return append([]string{
		"GOFLAGS=" + s.flags, "GOWORK=" + s.work, "GODEBUG=" + debug, "GONOSUMDB=*", "GOCACHE=" + s.in("build"),
		"GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never",
	}, more...)
}

// direct runs a go command that asks the repository, outside of the project and with a module cache
// of its own.
func (s *scratch) direct(ctx context.Context, args ...string) ([]byte, error) {
	return s.o.Run(ctx, "go", s.in("empty"), []string{
		"GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "GOPROXY=direct", "GOSUMDB=off",
		"GOMODCACHE=" + s.in("direct"), "GOCACHE=" + s.in("build"),
		"GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never",
	}, args...)
}

// fileURL is the URL of a directory.
func fileURL(dir string) string {
	path := filepath.ToSlash(dir)
	if !strings.HasPrefix(path, "/") { // a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
