package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goenv"
	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/subprocess"
)

// goEnv is what `go env` says in the project directory.
type goEnv struct {
	GOROOT, GOMODCACHE, GOCACHE        string
	GOVERSION, GOTOOLCHAIN             string
	GOOS, GOARCH, GOHOSTOS, GOHOSTARCH string
	GOFLAGS                            string
	GOPRIVATE, GONOPROXY, GONOSUMDB    string
	GOCACHEPROG, GODEBUG               string
	GOWORK, GOMOD, GOPROXY             string
	GOSUMDB, GOPATH, GOENV             string
	GOVCS, GOAUTH                      string
	// builtWith are the variables that are part of action IDs.
	builtWith map[string]string
}

// readGoEnv runs go env in dir.
func readGoEnv(ctx context.Context, dir string) (goEnv, error) {
	names := append(buildenv.Variables(),
		"GOROOT", "GOMODCACHE", "GOCACHE", "GOCACHEPROG", "GOVERSION", "GOOS", "GOARCH", "GOHOSTOS", "GOHOSTARCH", "GOFLAGS",
		"GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOWORK", "GOMOD", "GOPROXY", "GOSUMDB", "GOPATH", "GODEBUG", "GOENV", "GOVCS", "GOAUTH")
	env, err := goenv.Read(ctx, goOutput, dir, names...)
	return newGoEnv(env), err
}

func newGoEnv(env map[string]string) goEnv {
	e := goEnv{
		GOROOT: env["GOROOT"], GOMODCACHE: env["GOMODCACHE"], GOCACHE: env["GOCACHE"],
		GOVERSION: env["GOVERSION"], GOTOOLCHAIN: env["GOTOOLCHAIN"],
		GOOS: env["GOOS"], GOARCH: env["GOARCH"], GOHOSTOS: env["GOHOSTOS"], GOHOSTARCH: env["GOHOSTARCH"],
		GOFLAGS:   env["GOFLAGS"],
		GOPRIVATE: env["GOPRIVATE"], GONOPROXY: env["GONOPROXY"], GONOSUMDB: env["GONOSUMDB"],
		GOCACHEPROG: env["GOCACHEPROG"], GODEBUG: env["GODEBUG"],
		GOWORK: env["GOWORK"], GOMOD: env["GOMOD"], GOPROXY: env["GOPROXY"],
		GOSUMDB: env["GOSUMDB"], GOPATH: env["GOPATH"], GOENV: env["GOENV"],
		GOVCS: env["GOVCS"], GOAUTH: env["GOAUTH"],
		builtWith: map[string]string{},
	}
	for _, name := range buildenv.Variables() {
		e.builtWith[name] = env[name]
	}
	return e
}

// goOutput runs a go command and returns what it prints, also beside an error.
func goOutput(ctx context.Context, dir string, extra []string, args ...string) ([]byte, error) {
	return goCommandOutput(ctx, "go", dir, extra, args...)
}

// goCommandOutput is goOutput with the go command of a toolchain.
func goCommandOutput(ctx context.Context, command, dir string, extra []string, args ...string) ([]byte, error) {
	cmd := subprocess.Command(ctx, command, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), extra...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := subprocess.Output(cmd)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("no go command in PATH: %w", err)
	case err != nil && stderr.Len() > 0:
		return out, fmt.Errorf("go %s: %s", strings.Join(args, " "), strings.TrimSpace(stderr.String()))
	case err != nil:
		return out, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// sumDB returns the checksum database that the go command asks.
func (e *goEnv) sumDB() *checksumdb.DB { return checksumdb.New(e.sumDBOptions()) }

func (e *goEnv) sumDBOptions() checksumdb.Options {
	o := checksumdb.Options{GOSUMDB: e.GOSUMDB, GONOSUMDB: e.GONOSUMDB, GOPROXY: e.GOPROXY}
	if dirs := filepath.SplitList(e.GOPATH); len(dirs) > 0 && dirs[0] != "" {
		o.LatestDir = filepath.Join(dirs[0], "pkg", "sumdb")
	}
	return o
}

// buildDir returns GOCACHE, or "" where it is off or another program keeps the build cache.
func (e *goEnv) buildDir() string {
	if e.GOCACHE == "off" || e.GOCACHEPROG != "" {
		return ""
	}
	return e.GOCACHE
}

// private joins the patterns of private modules. GONOPROXY and GONOSUMDB default to GOPRIVATE.
func (e *goEnv) private() string {
	var list []string
	for _, v := range []string{e.GOPRIVATE, e.GONOPROXY, e.GONOSUMDB} {
		for p := range strings.SplitSeq(v, ",") {
			if p = strings.TrimSpace(p); p != "" && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return strings.Join(list, ",")
}

// modWritable reports whether GOFLAGS asks for writable module trees.
func (e *goEnv) modWritable() bool {
	return goflags.Bool(e.GOFLAGS, "modcacherw")
}

// insideSkips lists the caches, which are not part of the project even where they lie in its
// directory, as on CI systems that can only cache files inside the checkout.
func (e *goEnv) insideSkips() []string {
	var list []string
	for _, dir := range []string{e.GOMODCACHE, e.buildDir()} {
		if dir != "" {
			list = append(list, filepath.Clean(dir))
		}
	}
	return list
}
