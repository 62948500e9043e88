package cli

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/procs"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/rebuild"
	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/subprocess"
	"github.com/org/gocache-action/internal/usage"
)

// rebuildSurroundings finds out what a rebuild works on.
func rebuildSurroundings(ctx context.Context, r *run) (s rebuild.Surroundings, err error) {
	want := r.cfg.Rebuild
	if want.Project && want.All {
		return s, usage.Errorf("--project and --all exclude each other")
	}
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return s, err
	}
	p := &project{dir: dir}
	if p.env, err = readGoEnv(ctx, dir); err != nil {
		return s, err
	}
	if s, err = chooseRebuild(r, p); err != nil || want.Undo {
		return s, err
	}
	if err := p.derive(r.cfg); err != nil {
		return s, err
	}
	if p.key.Vendor && s.ModDir != "" {
		if want.Modules {
			return s, usage.Errorf("--modules: the project is built from its vendor directory, not from GOMODCACHE")
		}
		s.ModDir = ""
	}
	s.Zip, s.Mod = p.key.Sums.Zip, p.key.Sums.Mod
	if s.Files, s.Unsaved, err = moduleFiles(ctx, p); err != nil {
		return s, err
	}
	s.Backup, err = userCache("rebuild", s.Now.Format("20060102-150405"))
	return s, err
}

// chooseRebuild fills in what flags and go env say.
func chooseRebuild(r *run, p *project) (s rebuild.Surroundings, err error) {
	want := r.cfg.Rebuild
	both := !want.Modules && !want.Build
	s.Options = rebuild.Options{
		Dir: p.dir, All: want.All, NoBuild: want.NoBuildCheck, GOCACHE: p.env.buildDir(),
		GOFLAGS: p.env.GOFLAGS, GODEBUG: p.env.GODEBUG, Go: goOutput, Now: time.Now(),
	}
	s.GOPROXY, s.GONOPROXY, s.GONOSUMDB, s.GOAUTH = p.env.GOPROXY, p.env.GONOPROXY, p.env.GONOSUMDB, p.env.GOAUTH
	s.NoModules = p.env.GOMOD == "" // outside of a module it is the null device
	s.Client, s.Direct = upstream.NewClient(), askDirect
	s.Login = r.login()
	s.Unseen, s.Busy = procs.Unseen(), goCommands
	if want.Modules || both {
		s.ModDir = p.env.GOMODCACHE
	}
	switch {
	case !want.Build && !both:
	case want.Undo:
		s.BuildDir = s.GOCACHE
	case s.GOCACHE == "" && want.Build:
		return s, usage.Errorf("--build: GOCACHE is off, or GOCACHEPROG keeps the build cache")
	case s.GOCACHE == "":
		s.NoBuildCache = "GOCACHE is off, or GOCACHEPROG keeps the build cache"
	case want.NoBuildCheck && !want.All && want.Build:
		return s, usage.Errorf("--build --no-build-check: without building there are no new outputs of the project; --all empties the whole build cache")
	case want.NoBuildCheck && !want.All:
	default:
		s.BuildDir = s.GOCACHE
	}
	for _, dir := range []string{s.ModDir, s.BuildDir} {
		if dir == "" {
			continue
		}
		if err := samedir.Check(dir); err != nil {
			return s, err
		}
	}
	return s, nil
}

// moduleFiles lists the module files of the project, and those of them that git does not have as
// they are.
func moduleFiles(ctx context.Context, p *project) (files, unsaved []string, err error) {
	in, err := p.collect(new(config.Config))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range in.Files {
		switch path.Ext(f.Path) {
		case ".mod", ".sum", ".work":
		default:
			continue
		}
		if f.Nested {
			continue
		}
		file := filepath.Join(p.dir, filepath.FromSlash(f.Path))
		files = append(files, file)
		if !isCommitted(ctx, file) {
			unsaved = append(unsaved, file)
		}
	}
	return files, unsaved, nil
}

// isCommitted reports whether git has a file as it is.
func isCommitted(ctx context.Context, file string) bool {
	git := func(args ...string) (string, bool) {
		out, err := subprocess.Output(subprocess.GitOfAnyone(ctx, filepath.Dir(file), args...))
		return strings.TrimSpace(string(out)), err == nil
	}
	if _, ok := git("ls-files", "--error-unmatch", "--", filepath.Base(file)); !ok {
		return false
	}
	changed, ok := git("status", "--porcelain", "--", filepath.Base(file))
	return ok && changed == ""
}

// askDirect asks the repository of a module for a version, with the credentials that git has, and
// without asking anybody for a password.
func askDirect(ctx context.Context, v module.Version) error {
	scratch, err := os.MkdirTemp("", "gocache-direct-")
	if err != nil {
		return err
	}
	defer osfile.RemoveAll(scratch)
	env := []string{
		"GOMODCACHE=" + filepath.Join(scratch, "mod"), "GOPROXY=direct", "GOFLAGS=-mod=mod -modcacherw", "GOWORK=off",
		"GO111MODULE=on", "GIT_TERMINAL_PROMPT=0",
	}
	_, err = goOutput(ctx, scratch, env, "list", "-m", "-json", v.String())
	return err
}
