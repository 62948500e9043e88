package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
)

const (
	gocacheName = "gocache"
	clientName  = "@actions/cache"
	mainRef     = "refs/heads/main"
)

// steps are those of a round.
var steps = [...]string{"first save", "restore", "save after a change"}

// step is what one cost. Bytes are those that it added to the service.
type step struct {
	kit.Outcome
	stored   int64
	requests int
	kinds    string
}

type round [len(steps)]step

// lab is where everything lies: the project, its caches, a copy of these as the first job leaves
// them, the programs.
type lab struct {
	kit.Dir
	options
	env   []string
	bytes int64 // of the caches
}

// tool is one of those that are compared.
type tool struct {
	name          string
	save, restore func(n int) []string // the command of the n-th save or restore
	env           []string
}

func (l *lab) gocache() tool {
	command := func(verb string) func(int) []string {
		return func(int) []string {
			return []string{l.Path("gocache"), verb, "--store", "actions", "--state", l.Path("state"), "--repo", "github.com/octo/project", "--fail-on-error"}
		}
	}
	return tool{gocacheName, command("save"), command("restore"), []string{
		"GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=octo/project", "GITHUB_REF=" + mainRef, "GITHUB_EVENT_NAME=push",
	}}
}

func (l *lab) client() tool {
	command := func(verb, keys string) []string {
		return []string{"node", l.Path("client", "cache.mjs"), verb, keys, l.Path("caches", "mod"), l.Path("caches", "build")}
	}
	return tool{
		clientName,
		func(n int) []string { return command("save", fmt.Sprint("go-", n)) },
		func(n int) []string { return command("restore", fmt.Sprintf("go-%d,go-", n)) },
		[]string{"ACTIONS_CACHE_SERVICE_V2=true", "RUNNER_TEMP=" + l.Path("tmp"), "GITHUB_WORKSPACE=" + l.Path("project")},
	}
}

// prepare fetches and builds the project and the programs.
func (l *lab) prepare(ctx context.Context) error {
	if err := l.Make("project", "fetch", "caches", "tmp", "home", "client"); err != nil {
		return err
	}
	settings, err := kit.GoSettings(ctx, "GOPROXY", "GOSUMDB")
	if err != nil {
		return err
	}
	l.env = slices.Concat(kit.Environ("GITHUB_", "ACTIONS_", "GOCACHE_", "GOFLAGS=", "HOME=", "NO_PROXY=", "no_proxy="), settings, []string{
		"HOME=" + l.Path("home"), "GOMODCACHE=" + l.Path("caches", "mod"), "GOCACHE=" + l.Path("caches", "build"), "TMPDIR=" + l.Path("tmp"),
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	})
	if err := kit.Build(ctx, l.Path("gocache"), "./cmd/gocache"); err != nil {
		return err
	}
	if err := l.install(ctx); err != nil {
		return err
	}
	if err := l.fetch(ctx); err != nil {
		return err
	}
	if err := l.run(ctx, ""); err != nil {
		return err
	}
	if _, l.bytes, err = kit.TreeSize(l.Path("caches")); err != nil {
		return err
	}
	return kit.Do(ctx, "cp", "-a", l.Path("caches"), l.Path("reference"))
}

// install installs the client of GitHub in the version of tools/actionscache.
func (l *lab) install(ctx context.Context) error {
	for _, name := range []string{"package.json", "package-lock.json", "cache.mjs"} {
		if err := kit.Do(ctx, "cp", filepath.Join("tools", "actionscache", name), l.Path("client", name)); err != nil {
			return err
		}
	}
	return kit.Do(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", l.Path("client"))
}

// fetch gets the source of the project through the module proxy, as a writable copy.
func (l *lab) fetch(ctx context.Context) error {
	out, err := kit.Command{
		Argv: []string{"go", "mod", "download", "-json", l.module}, Dir: l.Path("home"), Env: append(l.env, "GOMODCACHE="+l.Path("fetch")), Temp: l.Path("tmp"),
	}.Measure(ctx)
	if err == nil {
		err = out.Failure("go mod download")
	}
	if err != nil {
		return err
	}
	var fetched struct{ Dir string }
	if err := json.Unmarshal(out.Output, &fetched); err != nil {
		return fmt.Errorf("go mod download -json: %w", err)
	}
	return kit.Do(ctx, "sh", "-c", `cp -r "$0/." "$1" && chmod -R u+w "$1" && find "$1" -exec touch -d 2026-01-01 {} +`, fetched.Dir, l.Path("project"))
}

// run runs the job. With modules restored it needs no proxy.
func (l *lab) run(ctx context.Context, proxy string) error {
	env := l.env
	if proxy != "" {
		env = append(env[:len(env):len(env)], "GOPROXY="+proxy)
	}
	out, err := kit.Command{Argv: []string{"sh", "-c", l.job}, Dir: l.Path("project"), Env: env, Temp: l.Path("tmp")}.Measure(ctx)
	if err != nil {
		return err
	}
	return out.Failure(l.job)
}

// reset empties the caches, or fills them as the first job left them.
func (l *lab) reset(ctx context.Context, full bool) error {
	if err := kit.Do(ctx, "sh", "-c", `chmod -R u+w "$0"; rm -rf "$0" "$1"`, l.Path("caches"), l.Path("state")); err != nil {
		return err
	}
	if full {
		return kit.Do(ctx, "cp", "-a", l.Path("reference"), l.Path("caches"))
	}
	return l.Make("caches")
}

// round is all steps of a tool.
func (l *lab) round(ctx context.Context, t tool) (r round, err error) {
	server := actionstest.Start()
	defer server.Close()
	if err := l.reset(ctx, true); err != nil {
		return r, err
	}
	if r[0], err = l.step(ctx, server, t, t.save(1)); err != nil {
		return r, err
	}
	if err := l.reset(ctx, false); err != nil {
		return r, err
	}
	if r[1], err = l.step(ctx, server, t, t.restore(2)); err != nil {
		return r, err
	}
	undo, err := l.change()
	if err != nil {
		return r, err
	}
	defer undo()
	if err := l.run(ctx, "off"); err != nil {
		return r, err
	}
	if r[2], err = l.step(ctx, server, t, t.save(2)); err != nil {
		return r, err
	}
	if problems := server.Close(); len(problems) > 0 {
		return r, fmt.Errorf("not what the service allows: %s", strings.Join(problems, "; "))
	}
	return r, nil
}

// change adds a declaration to a file of the project. undo takes it away again.
func (l *lab) change() (undo func() error, err error) {
	file := l.Path("project", filepath.FromSlash(l.edit))
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	undo = func() error { return os.WriteFile(file, data, 0o666) }
	return undo, os.WriteFile(file, append(slices.Clone(data), "\nvar EditedByTheBenchmark = 1\n"...), 0o666)
}

// step runs a command of a tool and measures it.
func (l *lab) step(ctx context.Context, server *actionstest.Server, t tool, argv []string) (s step, err error) {
	server.Counts()
	before := server.Bytes()
	env := slices.Concat(l.env, t.env, []string{
		"GITHUB_SERVER_URL=https://github.com", "ACTIONS_RESULTS_URL=" + server.URL, "ACTIONS_RUNTIME_TOKEN=" + actionstest.Branch(mainRef, mainRef),
	})
	s.Outcome, err = kit.Command{Argv: argv, Dir: l.Path("project"), Env: env, Temp: l.Path("tmp")}.Measure(ctx)
	if err == nil {
		err = s.Failure(strings.Join(argv, " "))
	}
	counts := server.Counts()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		s.requests += counts[kind]
		s.kinds += fmt.Sprintf("%d %s, ", counts[kind], kind)
	}
	s.kinds = strings.TrimSuffix(s.kinds, ", ")
	s.stored = server.Bytes() - before
	return s, err
}
