package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

// lab is the working directory and the environment of all commands. The project is always in
// "project", and GOMODCACHE and GOCACHE are always below "caches", as on the machines of a CI
// system, since action IDs contain directories.
type lab struct {
	kit.Dir
	env []string
}

func newLab(ctx context.Context, dir string) (*lab, error) {
	l := &lab{Dir: kit.Dir(dir)}
	if err := osfile.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := l.Make("tmp", "home", "fetch", "store"); err != nil {
		return nil, err
	}
	return l, l.setEnv(ctx)
}

func (l *lab) close() error { return osfile.RemoveAll(string(l.Dir)) }

func (l *lab) modDir() string   { return l.Path("caches", "mod") }
func (l *lab) buildDir() string { return l.Path("caches", "build") }

// setEnv makes the environment: that of the caller, without variables that would change what the go
// command does, and with the settings that say where modules come from.
func (l *lab) setEnv(ctx context.Context) error {
	settings, err := kit.GoSettings(ctx, "GOPROXY", "GOSUMDB", "GONOSUMDB")
	l.env = slices.Concat(kit.Environ("GO", "CGO_", "TMPDIR=", "HOME="), settings,
		[]string{"GOENV=off", "GOTOOLCHAIN=local", "GOWORK=off", "HOME=" + l.Path("home"), "TMPDIR=" + l.Path("tmp")})
	return err
}

// fetchEnv returns the environment for preparations. They use the module cache "fetch", from which
// the runs get their modules.
func (l *lab) fetchEnv() []string {
	return []string{"GOMODCACHE=" + l.Path("fetch"), "GOCACHE=" + l.Path("tmp", "build"), "GOFLAGS=-mod=mod"}
}

// jobEnv returns the environment for the runs, which need no network.
func (l *lab) jobEnv() []string {
	return []string{
		"GOMODCACHE=" + l.modDir(), "GOCACHE=" + l.buildDir(),
		"GOPROXY=file://" + filepath.ToSlash(l.Path("fetch", "cache", "download")), "GOSUMDB=off",
	}
}

// goCommand runs a go command and returns its output.
func (l *lab) goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, slices.Concat(l.env, env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		msg := append(stderr.Bytes(), out...)
		return nil, fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args[:min(4, len(args))], " "), dir, err, msg[max(0, len(msg)-3000):])
	}
	return out, nil
}

// fetch gets a release and all modules that its runs need. It returns the directory of a copy of
// its source. It keeps only what module proxies have, since the extracted trees of all releases
// would be as large as everything else.
func (l *lab) fetch(ctx context.Context, module, version string) (string, error) {
	out, err := l.goCommand(ctx, l.Path("tmp"), l.fetchEnv(), "mod", "download", "-json", module+"@"+version)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("go mod download -json: %w", err)
	}
	if err := l.checkOut(found.Dir, time.Now()); err != nil {
		return "", err
	}
	// This does not use -mod=mod, so that an incomplete go.sum is an error.
	env := append(l.fetchEnv(), "GOFLAGS=")
	if _, err = l.goCommand(ctx, l.Path("project"), env, "list", "-deps", "-test", "./..."); err != nil {
		return "", err
	}
	source := l.Path("source", version)
	if err := os.CopyFS(source, os.DirFS(found.Dir)); err != nil {
		return "", err
	}
	return source, l.dropTrees()
}

// dropTrees removes the extracted modules from "fetch".
func (l *lab) dropTrees() error {
	list, err := os.ReadDir(l.Path("fetch"))
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Name() != "cache" {
			err = errors.Join(err, osfile.RemoveAll(l.Path("fetch", d.Name())))
		}
	}
	return err
}

// checkOut makes "project" a fresh copy of a source tree whose files are a minute old. The go
// command does not cache its index of a directory if something in it is younger than 2 seconds.
func (l *lab) checkOut(source string, now time.Time) error {
	project := l.Path("project")
	if err := osfile.RemoveAll(project); err != nil {
		return err
	}
	if err := os.CopyFS(project, os.DirFS(source)); err != nil {
		return err
	}
	t := now.Add(-time.Minute)
	return filepath.WalkDir(project, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, t, t)
	})
}

// emptyCaches turns the machine into a new one.
func (l *lab) emptyCaches() error {
	if err := osfile.RemoveAll(l.Path("caches")); err != nil {
		return err
	}
	return l.Make("caches/mod", "caches/build")
}
