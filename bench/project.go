package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/org/gocache-action/bench/internal/kit"
)

// project is the measured project: its source in "project", and in "reference" the caches
// that a job with no cache at all leaves. "caches" is where GOMODCACHE and GOCACHE point
// to, for both tools and all runs, because build keys contain the path of GOMODCACHE.
type project struct {
	*lab
	edit    string // source file that changes
	upgrade string // module@version
}

// variants of files of the project, kept beside it.
const original, edited, upgraded = "original", "edited", "upgraded"

// moduleFiles are what an upgrade changes.
var moduleFiles = []string{"go.mod", "go.sum"}

// prepare fetches and builds the project with fresh caches, unless an earlier run left it.
func (p *project) prepare(ctx context.Context) error {
	if _, err := os.Stat(p.Path("upgraded")); err == nil {
		return p.reset()
	}
	steps := []func(context.Context) error{p.fetch, p.buildReference, p.makeEdit, p.makeUpgrade}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("prepare the project: %w", err)
		}
	}
	return nil
}

// fetch gets the source through the module proxy, as a writable copy.
func (p *project) fetch(ctx context.Context) error {
	logf("fetching %s", projectModule)
	for _, dir := range []string{"fetch", "project", "caches"} {
		if err := p.emptyDir(dir); err != nil {
			return err
		}
	}
	out, err := p.userCommand(ctx, p.Path("home"), []string{"GOMODCACHE=" + p.Path("fetch")}, "go", "mod", "download", "-json", projectModule)
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return fmt.Errorf("go mod download -json: %w", err)
	}
	if err := p.copyTree(ctx, module.Dir, p.Path("project")); err != nil {
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
	logf("building and vetting it with fresh caches")
	if err := p.job(ctx); err != nil {
		return err
	}
	if err := p.keep(original, append(moduleFiles, p.edit)...); err != nil {
		return err
	}
	return os.Rename(p.Path("caches"), p.Path("reference"))
}

// job is what a CI job does between restore and save.
func (p *project) job(ctx context.Context, env ...string) error {
	for _, verb := range []string{"build", "vet"} {
		if _, err := p.userCommand(ctx, p.Path("project"), env, "go", verb, "./..."); err != nil {
			return err
		}
	}
	return nil
}

// makeEdit prepares the changed source file: one more function at its end.
func (p *project) makeEdit(context.Context) error {
	source, err := os.ReadFile(p.Path("project", p.edit))
	if err != nil {
		return err
	}
	source = append(source, "\n// benchEdit is the change of the benchmark.\nfunc benchEdit() string { return \"changed\" }\n"...)
	return p.writeFile(edited, p.edit, source)
}

// makeUpgrade upgrades the dependency in a copy of the project, with a module cache of its own. Its
// download directory is the proxy from which the measured jobs get what is new, so that
// they need no network.
func (p *project) makeUpgrade(ctx context.Context) error {
	logf("preparing the upgrade to %s", p.upgrade)
	for _, dir := range []string{"scratch", "proxy"} {
		if err := p.emptyDir(dir); err != nil {
			return err
		}
	}
	if err := p.copyTree(ctx, p.Path("project"), p.Path("scratch")); err != nil {
		return err
	}
	known := "file://" + p.Path("reference", "mod", "cache", "download")
	env := []string{"GOMODCACHE=" + p.Path("proxy"), "GOPROXY=" + known + "," + p.variable("GOPROXY")}
	for _, argv := range [][]string{
		{"go", "get", p.upgrade},
		{"go", "list", "-deps", "-test", "./..."}, // fetches what build and vet need
	} {
		if _, err := p.userCommand(ctx, p.Path("scratch"), env, argv...); err != nil {
			return err
		}
	}
	if err := p.copyFiles("scratch", upgraded, moduleFiles); err != nil {
		return err
	}
	return os.RemoveAll(p.Path("scratch"))
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

// keep puts aside files of the project, with their times.
func (p *project) keep(variant string, names ...string) error {
	return p.copyFiles("project", variant, names)
}

// use puts files of a variant into the project.
func (p *project) use(variant string, names ...string) error {
	return p.copyFiles(variant, "project", names)
}

// copyFiles keeps the times of the files: the go command's index of a package depends on them, so
// that new times alone would add entries to the build cache.
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

// reset makes the project what it was at first.
func (p *project) reset() error { return p.use(original, append(moduleFiles, p.edit)...) }

// editJob changes one source file and runs the job.
func (p *project) editJob(ctx context.Context) error {
	if err := p.use(edited, p.edit); err != nil {
		return err
	}
	return p.job(ctx, "GOPROXY=off")
}

// upgradeJob upgrades one dependency and runs the job.
func (p *project) upgradeJob(ctx context.Context) error {
	if err := p.use(upgraded, moduleFiles...); err != nil {
		return err
	}
	return p.job(ctx, "GOPROXY=file://"+p.Path("proxy", "cache", "download"))
}

// compiles finds in the output of "go build -x" the programs that a complete cache makes needless.
// The linker is not one: the go command links main packages anew in every build.
var compiles = regexp.MustCompile(`/pkg/tool/[^ /]+/(compile|asm|cgo) .*`)

// checkComplete runs the job offline and fails if anything had to be fetched or compiled.
func (p *project) checkComplete(ctx context.Context) error {
	out, err := p.userCommand(ctx, p.Path("project"), []string{"GOPROXY=off"}, "go", "build", "-x", "./...")
	if err != nil {
		return fmt.Errorf("offline build after the restore: %w", err)
	}
	if line := compiles.FindString(out); line != "" {
		return fmt.Errorf("the build after the restore was not complete: it ran %.200s", line)
	}
	if err := p.job(ctx, "GOPROXY=off"); err != nil {
		return fmt.Errorf("offline job after the restore: %w", err)
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
