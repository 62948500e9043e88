package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/ghaction"
	"github.com/org/gocache-action/internal/moduleuse"
	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

// A project is the directory that a command works for, with all that is known about it.
type project struct {
	dir string // absolute
	env goEnv
	id  ci.Identity
	key keys.Plan
	// keyFiles is the number of module files in the key.
	keyFiles int
	// temp is what the runner empties before each job, "" where there is no such directory.
	temp string

	mainModules []moduleuse.Main
	own         *save.Own

	builtWith map[string]string // see package buildenv

	modDir, buildDir string // "" for a cache that is left alone
	paths            []extradir.Path
}

// findProject finds out everything about the project of --dir.
func findProject(ctx context.Context, r *run) (*project, error) {
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return nil, err
	}
	p := &project{dir: dir, temp: r.env("RUNNER_TEMP")}
	sources := identitySources(r, dir)
	var git ci.Git
	var asked sync.WaitGroup
	asked.Go(func() {
		if !ci.Identify(sources...).Whole() {
			git = ci.ReadGit(ctx, dir)
		}
	})
	p.env, err = readGoEnv(ctx, dir)
	asked.Wait()
	if err != nil {
		return nil, err
	}
	p.id = ci.Identify(append(append(sources, git.Source()), ci.Fallbacks(dir, p.env.GOMOD, git)...)...)
	if err := p.id.Check(); err != nil {
		return nil, err
	}
	if err := p.derive(r.cfg); err != nil {
		return nil, err
	}
	if note := p.id.Note(); note != "" {
		p.key.Notes = append(p.key.Notes, note)
	}
	p.chooseCaches(r.cfg)
	p.builtWith = p.buildsWith(ctx)
	if p.paths, err = extraPaths(r.cfg.Paths, p, r.env); err != nil {
		return p, err
	}
	debugProject(r, p)
	return p, nil
}

// identitySources are what says whose snapshot is meant, without git.
func identitySources(r *run, dir string) []ci.Source {
	return []ci.Source{
		{Place: ci.FromFlag, Identity: ci.Identity{
			Name: r.cfg.Name, Repo: r.cfg.Repo, Scope: r.cfg.Scope, BaseScope: r.cfg.BaseScope, DefaultScope: r.cfg.DefaultScope,
		}},
		ci.System(r.env, dir, r.cfg.Matrix),
	}
}

// knownIdentity is the identity that findProject finds, for a command that failed before it did:
// the go command is not asked. Without a go.mod in dir the repository may stay unknown.
func knownIdentity(ctx context.Context, r *run) ci.Identity {
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return ci.Identity{}
	}
	git := ci.ReadGit(ctx, dir)
	sources, gomod := append(identitySources(r, dir), git.Source()), filepath.Join(dir, "go.mod")
	fallbacks := ci.Fallbacks(dir, gomod, git)
	id := ci.Identify(append(sources, fallbacks...)...)
	if _, err := os.Stat(gomod); err != nil {
		id = ci.Identify(append(sources, fallbacks[0])...)
	}
	if id.Check() != nil {
		return ci.Identity{}
	}
	return id
}

// projectDir checks --dir before the go command does: its message about a missing directory does
// not say which.
func projectDir(flag string) (string, error) {
	dir, err := filepath.Abs(flag)
	if err != nil {
		return "", usage.Errorf("project directory %s: %w", flag, err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usage.Errorf("project directory %s is not a directory", flag)
	}
	return dir, nil
}

// derive computes the key from the module files, or from those that match --go-sum if there are
// patterns.
func (p *project) derive(cfg *config.Config) error {
	in, err := p.collect(cfg)
	if err != nil {
		return err
	}
	p.keyFiles, p.own = len(in.Files), ownModules(p.dir, in.Files)
	p.mainModules = moduleuse.Mains(p.dir, p.env.GOMOD, in.Files)
	p.key, err = keys.Derive(in)
	switch {
	case errors.Is(err, keys.ErrNoMatch):
		return usage.Errorf("--go-sum: %w", err)
	case errors.Is(err, keys.ErrManyExtras):
		return usage.Errorf("--key-extra: %w", err)
	}
	return err
}

// collect reads the module files.
func (p *project) collect(cfg *config.Config) (keys.Input, error) {
	return keys.Collect(p.dir, keys.Env{
		Name: p.id.Name,
		OS:   p.env.GOOS, HostOS: p.env.GOHOSTOS,
		Arch: p.env.GOARCH, HostArch: p.env.GOHOSTARCH,
		GOVERSION: p.env.GOVERSION, GOTOOLCHAIN: p.env.GOTOOLCHAIN,
		GOMOD: p.env.GOMOD, GOWORK: p.env.GOWORK, GOFLAGS: p.env.GOFLAGS,
		Skip: p.env.insideSkips(), Select: cfg.GoSum, Extra: cfg.KeyExtra,
	})
}

// chooseCaches decides which of the two caches the command works on.
func (p *project) chooseCaches(cfg *config.Config) {
	if !cfg.NoModules && !p.key.Vendor {
		p.modDir = p.usable("GOMODCACHE", p.env.GOMODCACHE)
	}
	if !cfg.NoBuild {
		p.buildDir = p.usable("GOCACHE", p.env.buildDir())
	}
}

// usable returns "" for a cache whose path is no directory, such as a link to a volume that is not
// mounted. The command then works on the other cache, and what is stored of this one stays.
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

// stateFile is where restore leaves its notes for save: in a place that ends with the job, if there
// is one. On machines that serve many jobs, the notes of another job would mislead.
func stateFile(r *run, p *project) (string, error) {
	if r.cfg.State != "" {
		return filepath.Abs(r.cfg.State)
	}
	if r.notes != "" {
		return filepath.Join(r.notes, ghaction.StateFile), nil
	}
	name := ci.ShortHash(samedir.Real(p.dir), p.id.Name) + ".json"
	if p.temp != "" {
		return filepath.Join(p.temp, "gocache-action", "state", name), nil
	}
	return userCache("state", name)
}
