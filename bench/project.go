package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// project is the measured project, with its source in "project". The caches that a job leaves which
// started without any are in "reference". GOMODCACHE and GOCACHE are in "caches" for both tools and
// all runs, because build keys contain the path of GOMODCACHE.
type project struct {
	*lab
	subject
}

// Variants of files of the project, kept outside it. The variants of a release are in release.go.
const original, edited, upgraded = "original", "edited", "upgraded"

// moduleFiles are the files that an upgrade changes.
var moduleFiles = []string{"go.mod", "go.sum"}

// prepare fetches and builds the project with fresh caches, unless an earlier run has left it. It
// continues where a run that kept the file system was interrupted, since the builds take long.
func (p *project) prepare(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"fetched", p.fetch}, {"built", p.buildReference}, {"edited", p.makeEdit}, {"upgraded", p.makeUpgrade}, {"released", p.makeRelease},
	} {
		done := p.Path("prepared", step.name)
		if _, err := os.Stat(done); err == nil {
			continue
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("prepare the project: %w", err)
		}
		if err := p.writeFile("prepared", step.name, nil); err != nil {
			return err
		}
	}
	return p.reset()
}

// fetch gets the source through the module proxy, as a writable copy.
func (p *project) fetch(ctx context.Context) error {
	for _, dir := range []string{"caches", "proxy"} {
		if err := p.emptyDir(dir); err != nil {
			return err
		}
	}
	return p.fetchModule(ctx, p.Module, "project")
}

// fetchModule gets the source of a module through the module proxy, as a writable copy in dir.
func (p *project) fetchModule(ctx context.Context, module, dir string) error {
	logf("fetching %s", module)
	for _, d := range []string{"fetch", dir} {
		if err := p.emptyDir(d); err != nil {
			return err
		}
	}
	out, err := p.userCommand(ctx, p.Path("home"), []string{"GOMODCACHE=" + p.Path("fetch")}, "go", "mod", "download", "-json", module)
	if err != nil {
		return err
	}
	var fetched struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &fetched); err != nil {
		return fmt.Errorf("go mod download -json: %w", err)
	}
	if err := p.copyTree(ctx, fetched.Dir, p.Path(dir)); err != nil {
		return err
	}
	return os.RemoveAll(p.Path("fetch"))
}

// copyTree copies the content of a directory; the user can write to the copy.
func (p *project) copyTree(ctx context.Context, from, to string) error {
	if _, err := p.userCommand(ctx, p.Path("home"), nil, "cp", "-r", from+"/.", to); err != nil {
		return err
	}
	_, err := p.userCommand(ctx, p.Path("home"), nil, "chmod", "-R", "u+w", to)
	return err
}

func (p *project) buildReference(ctx context.Context) error {
	logf("running its job with fresh caches")
	if err := p.runJob(ctx); err != nil {
		return err
	}
	if err := p.keepFiles(original, append(moduleFiles, p.Edit)...); err != nil {
		return err
	}
	return os.Rename(p.Path("caches"), p.Path("reference"))
}

// runJob does what a CI job does between restore and save.
func (p *project) runJob(ctx context.Context, env ...string) error {
	for _, argv := range p.Job {
		if _, err := p.userCommand(ctx, p.Path("project"), env, argv...); err != nil {
			return err
		}
	}
	return nil
}

// makeEdit prepares the changed source file, with one more function at its end.
func (p *project) makeEdit(context.Context) error {
	source, err := os.ReadFile(p.Path("project", p.Edit))
	if err != nil {
		return err
	}
	source = append(source, "\n// benchEdit is the change of the benchmark.\nfunc benchEdit() string { return \"changed\" }\n"...)
	return p.writeFile(edited, p.Edit, source)
}

// makeUpgrade upgrades the dependency in a copy of the project.
func (p *project) makeUpgrade(ctx context.Context) error {
	if p.Upgrade == "" {
		return nil
	}
	logf("preparing the upgrade to %s", p.Upgrade)
	if err := p.emptyDir("scratch"); err != nil {
		return err
	}
	if err := p.copyTree(ctx, p.Path("project"), p.Path("scratch")); err != nil {
		return err
	}
	if err := p.fetchDependencies(ctx, "scratch", []string{"go", "get", p.Upgrade}); err != nil {
		return err
	}
	if err := p.copyFiles("scratch", upgraded, moduleFiles); err != nil {
		return err
	}
	return os.RemoveAll(p.Path("scratch"))
}

// fetchDependencies runs commands in dir, and then fetches what the job there needs. The modules go
// to a separate module cache, whose download directory is the proxy for new modules of the measured
// jobs, so that these need no network.
func (p *project) fetchDependencies(ctx context.Context, dir string, commands ...[]string) error {
	known := "file://" + p.Path("reference", "mod", "cache", "download")
	env := []string{"GOMODCACHE=" + p.Path("proxy"), "GOPROXY=" + known + "," + p.variable("GOPROXY")}
	for _, argv := range append(commands, []string{"go", "list", "-deps", "-test", "./..."}) {
		if _, err := p.userCommand(ctx, p.Path(dir), env, argv...); err != nil {
			return err
		}
	}
	return nil
}

// variable returns a variable of the environment of the measured commands.
func (p *project) variable(name string) string {
	for _, v := range slices.Backward(p.env) {
		if len(v) > len(name) && v[:len(name)+1] == name+"=" {
			return v[len(name)+1:]
		}
	}
	return ""
}

// keepFiles saves files of the project with their times.
func (p *project) keepFiles(variant string, names ...string) error {
	return p.copyFiles("project", variant, names)
}

// use puts the files of a variant into the project.
func (p *project) use(variant string, names ...string) error {
	return p.copyFiles(variant, "project", names)
}

// copyFiles keeps the times of the files: the go command's index of a package depends on them, so
// new times alone would add entries to the build cache.
func (p *project) copyFiles(from, to string, names []string) error {
	for _, name := range names {
		content, err := os.ReadFile(p.Path(from, name))
		if err != nil {
			return err
		}
		info, err := os.Stat(p.Path(from, name))
		if err != nil {
			return err
		}
		if err := p.writeFile(to, name, content); err != nil {
			return err
		}
		if err := os.Chtimes(p.Path(to, name), info.ModTime(), info.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

func (p *project) writeFile(dir, name string, content []byte) error {
	file := p.Path(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// reset restores the original project.
func (p *project) reset() error {
	return errors.Join(p.useRelease(beforeRelease), p.use(original, append(moduleFiles, p.Edit)...))
}

// editJob changes one source file and runs the job.
func (p *project) editJob(ctx context.Context) error {
	if err := p.use(edited, p.Edit); err != nil {
		return err
	}
	return p.runJob(ctx, "GOPROXY=off")
}

// upgradeJob upgrades one dependency and runs the job.
func (p *project) upgradeJob(ctx context.Context) error {
	if err := p.use(upgraded, moduleFiles...); err != nil {
		return err
	}
	return p.runJob(ctx, p.proxyOnly())
}

// proxyOnly returns the variable that makes the go command get modules only from those fetched
// before.
func (p *project) proxyOnly() string { return "GOPROXY=file://" + p.Path("proxy", "cache", "download") }

// compiles matches the programs in the output of "go build -x" that a complete cache makes
// unnecessary. The linker is not one of them: the go command links main packages in every build.
var compiles = regexp.MustCompile(`/pkg/tool/[^ /]+/(compile|asm|cgo) .*`)

// checkComplete runs the job offline and fails if anything had to be fetched or compiled.
func (p *project) checkComplete(ctx context.Context) error {
	for _, argv := range p.Job {
		out, err := p.userCommand(ctx, p.Path("project"), []string{"GOPROXY=off"}, slices.Insert(slices.Clone(argv), 2, "-x")...)
		if err != nil {
			return fmt.Errorf("offline job after the restore: %w", err)
		}
		if line := compiles.FindString(out); line != "" {
			return fmt.Errorf("the job after the restore was not complete: %s ran %.200s", strings.Join(argv, " "), line)
		}
	}
	return nil
}

// cacheSizes describes the reference caches.
type cacheSizes struct {
	ModuleFiles int   `json:"module_files"`
	ModuleBytes int64 `json:"module_bytes"`
	BuildFiles  int   `json:"build_files"`
	BuildBytes  int64 `json:"build_bytes"`
}

func (p *project) describe() (c cacheSizes, err error) {
	if c.ModuleFiles, c.ModuleBytes, err = kit.TreeSize(p.Path("reference", "mod")); err != nil {
		return c, err
	}
	c.BuildFiles, c.BuildBytes, err = kit.TreeSize(p.Path("reference", "build"))
	return c, err
}
