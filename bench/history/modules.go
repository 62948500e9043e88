package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/moduleuse"
	"github.com/org/gocache-action/keys"
)

// moduleUsage counts the extracted trees of modules in a run. Archives also have their zips.
type moduleUsage struct {
	Restored amount `json:"restored"`
	// modules that provide a package to the build, restored or downloaded by the run
	Used amount `json:"used"`
}

// modules measures the trees in GOMODCACHE, or only those in only, unless that is nil.
func (l *lab) modules(ctx context.Context, only map[module.Version]bool) (a amount, err error) {
	c := modcache.Open(l.modDir(), modcache.Options{})
	found, err := c.Scan(ctx)
	if err != nil {
		return a, err
	}
	for _, m := range found {
		if m.State != modcache.Complete || only != nil && !only[m.Version] {
			continue
		}
		u, err := c.Use(m.Version, time.Time{})
		if err != nil {
			return a, err
		}
		a.Entries++
		a.Bytes += u.Bytes
	}
	return a, nil
}

// usedModules measures the modules that the release uses. It asks the go command during the
// release's first job, when all of them are in GOMODCACHE.
func (r *replay) usedModules(ctx context.Context, m moment) (a amount, err error) {
	if r.provides == nil {
		if r.provides, err = m.asker.Ask(ctx); err != nil {
			return a, err
		}
	}
	return r.modules(ctx, r.provides)
}

// asker returns an asker that asks the go command which modules the project uses, as "gocache save"
// does.
func (l *lab) asker(in keys.Input, env map[string]string) *moduleuse.Project {
	return &moduleuse.Project{
		Mains: moduleuse.Mains(l.Path("project"), env["GOMOD"], in.Files), ModDir: l.modDir(), GOWORK: env["GOWORK"], GODEBUG: env["GODEBUG"],
		Go: func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
			return l.goCommand(ctx, dir, append(l.jobEnv(), env...), args...)
		},
	}
}

// identify derives the key from the module files in "project", as the command does, and returns
// what is needed to ask for module use.
func (l *lab) identify(ctx context.Context) (keys.Plan, *moduleuse.Project, error) {
	out, err := l.goCommand(ctx, l.Path("project"), l.jobEnv(), "env", "-json")
	if err != nil {
		return keys.Plan{}, nil, err
	}
	env := keys.Env{Name: "history"}
	var vars map[string]string
	if err := json.Unmarshal(out, &vars); err != nil {
		return keys.Plan{}, nil, fmt.Errorf("go env: %w", err)
	}
	env.OS, env.HostOS, env.Arch, env.HostArch = vars["GOOS"], vars["GOHOSTOS"], vars["GOARCH"], vars["GOHOSTARCH"]
	env.GOVERSION, env.GOTOOLCHAIN, env.GOMOD, env.GOWORK = vars["GOVERSION"], vars["GOTOOLCHAIN"], vars["GOMOD"], vars["GOWORK"]
	in, err := keys.Collect(l.Path("project"), env)
	if err != nil {
		return keys.Plan{}, nil, err
	}
	plan, err := keys.Derive(in)
	return plan, l.asker(in, vars), err
}
