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
)

// lab is the working directory and the environment of all commands. The project is always in
// "project", and GOMODCACHE and GOCACHE are always below "caches", as on the machines of a
// CI system: action IDs contain directories.
type lab struct {
	dir string
	env []string
}

func newLab(ctx context.Context, dir string) (*lab, error) {
	l := &lab{dir: dir}
	if err := removeTree(dir); err != nil {
		return nil, err
	}
	for _, sub := range []string{"tmp", "home", "fetch", "store"} {
		if err := os.MkdirAll(l.path(sub), 0o755); err != nil {
			return nil, err
		}
	}
	return l, l.setEnv(ctx)
}

func (l *lab) close() error { return removeTree(l.dir) }

func (l *lab) path(elem ...string) string { return filepath.Join(append([]string{l.dir}, elem...)...) }

func (l *lab) modDir() string   { return l.path("caches", "mod") }
func (l *lab) buildDir() string { return l.path("caches", "build") }

// setEnv takes the caller's environment, without what would change what the go command does, and
// the settings that say where modules come from.
func (l *lab) setEnv(ctx context.Context) error {
	l.env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GO") || strings.HasPrefix(v, "CGO_") || strings.HasPrefix(v, "TMPDIR=") || strings.HasPrefix(v, "HOME=")
	})
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB"} {
		out, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		l.env = append(l.env, name+"="+strings.TrimSpace(string(out)))
	}
	l.env = append(l.env, "GOENV=off", "GOTOOLCHAIN=local", "GOWORK=off", "HOME="+l.path("home"), "TMPDIR="+l.path("tmp"))
	return nil
}

// fetchEnv is for what happens before the runs: "fetch" is a module cache from which they get their
// modules.
func (l *lab) fetchEnv() []string {
	return []string{"GOMODCACHE=" + l.path("fetch"), "GOCACHE=" + l.path("tmp", "build"), "GOFLAGS=-mod=mod"}
}

// jobEnv is for the runs. They need no network.
func (l *lab) jobEnv() []string {
	return []string{
		"GOMODCACHE=" + l.modDir(), "GOCACHE=" + l.buildDir(),
		"GOPROXY=file://" + filepath.ToSlash(l.path("fetch", "cache", "download")), "GOSUMDB=off",
	}
}

// goCommand runs a go command and returns what it prints.
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
// its source: of "fetch" only what module proxies have stays, as the extracted trees of all
// releases would be as large as everything else.
func (l *lab) fetch(ctx context.Context, module, version string) (string, error) {
	out, err := l.goCommand(ctx, l.path("tmp"), l.fetchEnv(), "mod", "download", "-json", module+"@"+version)
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
	// Not -mod=mod: a go.sum that lacks something has to show here.
	env := append(l.fetchEnv(), "GOFLAGS=")
	if _, err = l.goCommand(ctx, l.path("project"), env, "list", "-deps", "-test", "./..."); err != nil {
		return "", err
	}
	source := l.path("source", version)
	if err := os.CopyFS(source, os.DirFS(found.Dir)); err != nil {
		return "", err
	}
	return source, l.dropTrees()
}

// dropTrees removes the extracted modules from "fetch".
func (l *lab) dropTrees() error {
	list, err := os.ReadDir(l.path("fetch"))
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Name() != "cache" {
			err = errors.Join(err, removeTree(l.path("fetch", d.Name())))
		}
	}
	return err
}

// checkOut makes "project" a fresh copy of a source tree, a minute old. The go command does not
// cache its index of a directory in which something is younger than 2 seconds.
func (l *lab) checkOut(source string, now time.Time) error {
	project := l.path("project")
	if err := removeTree(project); err != nil {
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

// emptyCaches makes the machine a new one.
func (l *lab) emptyCaches() error {
	if err := removeTree(l.path("caches")); err != nil {
		return err
	}
	for _, dir := range []string{l.modDir(), l.buildDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a directory, also one with read-only module trees.
func removeTree(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.RemoveAll(dir)
}

// treeSize sums the sizes of the regular files below a directory, in bytes.
func treeSize(root string) (bytes int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		return nil
	})
	return bytes, err
}
