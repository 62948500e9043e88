package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/moduleuse"
	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/keys"
)

// A project is the directory that a command works for, with all that is known about it.
type project struct {
	dir string // absolute
	env goEnv
	id  identity
	key keys.Plan
	// temp is what the runner empties before each job, "" where there is no such directory.
	temp string

	mainModules []moduleuse.Main

	builtWith map[string]string // see package buildenv

	modDir, buildDir string // "" where that half is switched off
	paths            []extradir.Path
}

// Where a name or a scope is not known.
const (
	fallbackName  = "default"
	fallbackScope = "local"
)

// project finds out everything about the project of --dir.
func (a *app) project(ctx context.Context) (*project, error) {
	dir, err := projectDir(a.flags.dir)
	if err != nil {
		return nil, err
	}
	p := &project{dir: dir, temp: a.lookup.get("RUNNER_TEMP")}
	flags, system := source{fromFlag, a.flags.identity}, ciSource(a.lookup, dir)
	var git gitInfo
	var asked sync.WaitGroup
	asked.Go(func() {
		if !identify(flags, system).whole() {
			git = readGit(ctx, dir)
		}
	})
	p.env, err = readGoEnv(ctx, dir)
	asked.Wait()
	if err != nil {
		return nil, err
	}
	p.id = identify(flags, system, git.source(), source{fromDefault, identity{Name: fallbackName}},
		source{fromPlace, identity{Repo: madeUpRepo(dir, p.env.GOMOD)}}, source{unknownScope(git), identity{Scope: fallbackScope}})
	if err := p.id.check(); err != nil {
		return nil, err
	}
	if err := p.derive(a.flags.goSum); err != nil {
		return nil, err
	}
	p.announce()
	p.switchHalves(&a.flags)
	p.builtWith = p.buildsWith(ctx)
	if p.paths, err = a.extraPaths(p); err != nil {
		return p, err
	}
	a.debugProject(p)
	return p, nil
}

// projectDir checks --dir before the go command does: its complaint about a directory
// that is missing does not say which.
func projectDir(flag string) (string, error) {
	dir, err := filepath.Abs(flag)
	if err != nil {
		return "", usage("project directory %s: %w", flag, err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usage("project directory %s is not a directory", flag)
	}
	return dir, nil
}

// madeUpRepo names a project that has no remote: by its module path, or else its
// directory, and by its place, so that two of the same name stay apart.
func madeUpRepo(dir, gomod string) string {
	name := filepath.Base(dir)
	if data, err := os.ReadFile(gomod); err == nil {
		if path := modfile.ModulePath(data); path != "" {
			name = path
		}
	}
	return name + "-" + shortHash(samedir.Real(dir))
}

// shortHash tells directories apart: 12 hex digits of a SHA-256.
func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// derive computes the key, of the module files that goSum names if it does.
func (p *project) derive(goSum []string) error {
	in, err := keys.Collect(p.dir, keys.Env{
		Name: p.id.Name,
		OS:   p.env.GOOS, HostOS: p.env.GOHOSTOS,
		Arch: p.env.GOARCH, HostArch: p.env.GOHOSTARCH,
		GOVERSION: p.env.GOVERSION, GOTOOLCHAIN: p.env.GOTOOLCHAIN,
		GOMOD: p.env.GOMOD, GOWORK: p.env.GOWORK, GOFLAGS: p.env.GOFLAGS,
		Skip: p.env.insideSkips(), Select: goSum,
	})
	if err != nil {
		return err
	}
	p.mainModules = moduleuse.Mains(p.dir, p.env.GOMOD, in.Files)
	if p.key, err = keys.Derive(in); errors.Is(err, keys.ErrNoMatch) {
		return usage("--go-sum: %w", err)
	}
	return err
}

// switchHalves decides which of the two caches are worked on.
func (p *project) switchHalves(f *flags) {
	if !f.noModules && !p.key.Vendor {
		p.modDir = p.usable("GOMODCACHE", p.env.GOMODCACHE)
	}
	if !f.noBuild {
		p.buildDir = p.usable("GOCACHE", p.env.buildDir())
	}
}

// usable returns "" for a cache whose place is taken by something else, such as a link to a volume
// that is not mounted: the other cache is worked on all the same, and what is stored of this one
// stays.
func (p *project) usable(name, dir string) string {
	if dir == "" {
		return ""
	}
	if err := samedir.Check(dir); err != nil {
		p.key.Notes = append(p.key.Notes, fmt.Sprintf("%s is neither restored nor saved: %v", name, err))
		return ""
	}
	return dir
}

// userCache returns a path below the directory that gocache has for this user.
func userCache(elem ...string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoUserCache, err)
	}
	return filepath.Join(append([]string{base, "gocache-action"}, elem...)...), nil
}

// stateFile is where restore leaves its notes for save: where they end with the job, if there is
// such a place. On machines that serve many jobs, those of another job would mislead.
func (p *project) stateFile(f *flags) (string, error) {
	if f.state != "" {
		return filepath.Abs(f.state)
	}
	if f.stateDefault != "" {
		return f.stateDefault, nil
	}
	name := shortHash(samedir.Real(p.dir), p.id.Name) + ".json"
	if p.temp != "" {
		return filepath.Join(p.temp, "gocache-action", "state", name), nil
	}
	return userCache("state", name)
}
