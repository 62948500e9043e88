package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/goflags"
)

// goEnv is the environment of the go commands: they must not change go.mod, whatever GOFLAGS says.
// All that protects downloads (GOSUMDB, GONOSUMDB, GOINSECURE) is as the user has it.
func goEnv(flags string) []string {
	if goflags.String(flags, "mod") != "mod" {
		return nil
	}
	return []string{"GOFLAGS=" + flags + " -mod=readonly"}
}

// buildProject builds all packages and compiles all tests, without running any, offline.
func (r *rebuilding) buildProject(ctx context.Context) error {
	env := append(goEnv(r.GOFLAGS), "GOPROXY=off", "GONOPROXY=none")
	if r.build != nil {
		if err := r.build.begin(journal{Began: r.Now, Step: Build, Build: true}); err != nil {
			return err
		}
		fresh := r.build.aside(newDir)
		if err := os.MkdirAll(fresh, 0o777); err != nil {
			return err
		}
		env = append(env, "GOCACHE="+fresh)
	} else {
		// The build cache is not undone, so that nothing may be noted there of the new trees.
		env = append(env, "GODEBUG="+strings.TrimPrefix(r.GODEBUG+",goindex=0", ","))
	}
	patterns, err := r.patterns(ctx, env)
	if err != nil {
		return err
	}
	if _, err := r.command(ctx, nil, env, append([]string{"build", "-o", os.DevNull}, patterns...)...); err != nil {
		return err
	}
	_, err = r.command(ctx, nil, env, append([]string{"test", "-c", "-vet=off", "-o", os.DevNull}, patterns...)...)
	if err != nil && strings.Contains(err.Error(), "no packages to test") {
		return nil
	}
	return err
}

// patterns name all packages of the main modules: there are several in a workspace.
func (r *rebuilding) patterns(ctx context.Context, env []string) (list []string, err error) {
	out, err := r.command(ctx, nil, env, "list", "-m", "-f", "{{if .Main}}{{.Dir}}{{end}}")
	for line := range strings.Lines(string(out)) {
		if dir := strings.TrimSpace(line); dir != "" {
			list = append(list, dir+string(os.PathSeparator)+"...")
		}
	}
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no module in %s", r.Dir)
	}
	return list, err
}

// undoBuild deletes the new build cache, and brings back what was set aside of the old one.
func (r *rebuilding) undoBuild() error {
	if r.build == nil {
		return nil
	}
	return r.build.undo()
}

// exchange puts the new build cache in place. To put entries over others harms no go command.
func (r *rebuilding) exchange(ctx context.Context) error {
	if !r.All {
		return r.build.merge(ctx)
	}
	if err := idleSoon(ctx, r.idle); err != nil {
		return err
	}
	return r.build.swap(r.Now)
}

// swap sets the old build cache aside as a whole, but for what go commands cannot make again.
func (p *place) swap(now time.Time) error {
	units, err := entries(p.dir, true)
	if err != nil {
		return err
	}
	if err := p.begin(journal{Began: now, Step: Exchange, Whole: true, Build: true, Units: units}); err != nil {
		return err
	}
	if err := p.setAside(); err != nil {
		return err
	}
	fresh, err := entries(p.aside(newDir), true)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for i, name := range fresh {
		if err := p.interrupt(fmt.Sprintf("new %d", i)); err != nil {
			return err
		}
		if err := move(p.aside(newDir, name), p.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// merge puts the new entries over the old ones: outputs first, so that no action names one that is
// not there. What it has done is right even if the rebuild fails afterwards, because an action has
// the hash of all that it depends on. Indexes of modules do not, and are left to the go command.
func (p *place) merge(ctx context.Context) error {
	from, to := buildcache.Open(p.aside(newDir)), buildcache.Open(p.dir)
	inv, err := from.Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return err
	}
	left := map[digest.ID]bool{}
	for i, o := range inv.Outputs {
		if err := errors.Join(context.Cause(ctx), p.interrupt(fmt.Sprintf("merge %d", i))); err != nil {
			return err
		}
		if kind, err := from.Kind(o); err != nil || kind == goentry.KindIndex {
			left[o.ID] = true
			continue
		}
		if err := buildcache.MoveOutput(from, to, o); err != nil {
			return err
		}
	}
	for _, e := range inv.Entries {
		if left[e.Output] {
			continue
		}
		if err := buildcache.MoveAction(from, to, e); err != nil {
			return err
		}
	}
	return nil
}

// forgetIndexes removes the action entries of indexes from a build cache.
func forgetIndexes(ctx context.Context, dir string) error {
	cache := buildcache.Open(dir)
	inv, err := cache.Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return err
	}
	index := map[digest.ID]bool{}
	for _, o := range inv.Outputs {
		if kind, err := cache.Kind(o); err == nil && kind == goentry.KindIndex {
			index[o.ID] = true
		}
	}
	var actions []digest.ID
	for _, e := range inv.Entries {
		if index[e.Output] {
			actions = append(actions, e.Action)
		}
	}
	return cache.Remove(actions, nil)
}
