package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

// runGo has go commands download the n smallest modules, all at once, each into a module cache of
// its own. Small ones, for the caches of all together have to find room.
func (l *load) runGo(ctx context.Context, clients, n int) error {
	names, err := l.smallest(ctx, n)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "proxyload-go-")
	if err != nil {
		return err
	}
	defer osfile.RemoveAll(dir)
	errs := make([]error, clients)
	var g sync.WaitGroup
	begin := time.Now()
	for i := range clients {
		g.Go(func() { errs[i] = l.goModDownload(ctx, filepath.Join(dir, fmt.Sprint(i)), names) })
	}
	g.Wait()
	took := time.Since(begin).Seconds()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	requests := clients * len(names) * 3 // .info, .mod, .zip
	fmt.Printf("warm, %d go commands on %d cores, each %d modules: %.1f s, %.0f requests/s\n",
		clients, runtime.NumCPU(), len(names), took, float64(requests)/took)
	l.printMemory()
	return nil
}

// smallest returns the modules with the smallest zips, as PATH@VERSION. It asks for all of them, so
// that the proxy has them.
func (l *load) smallest(ctx context.Context, n int) (names []string, err error) {
	sizes := map[string]int64{}
	for _, path := range l.paths {
		size, err := l.get(ctx, path)
		if err != nil {
			return nil, err
		}
		base, ok := strings.CutSuffix(path, ".zip")
		if !ok {
			continue
		}
		escaped, version, _ := strings.Cut(strings.TrimPrefix(base, "/"), "/@v/")
		name, err := module.UnescapePath(escaped)
		version, err2 := module.UnescapeVersion(version)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		name += "@" + version
		sizes[name] = size
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(sizes[a], sizes[b]) })
	names = names[:min(n, len(names))]
	var total int64
	for _, name := range names {
		total += sizes[name]
		for _, suffix := range []string{".info", ".mod"} { // not all go.sum files name both
			path, _, _ := strings.Cut(name, "@")
			escaped, err := module.EscapePath(path)
			version, err2 := module.EscapeVersion(name[len(path)+1:])
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			if _, err := l.get(ctx, "/"+escaped+"/@v/"+version+suffix); err != nil {
				return nil, err
			}
		}
	}
	fmt.Printf("%d modules, %.1f MB of zips\n", len(names), mb(total))
	return names, nil
}

func (l *load) goModDownload(ctx context.Context, dir string, names []string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"mod", "download"}, names...)...)
	cmd.Dir = dir
	cmd.Env = append(kit.Environ("GOFLAGS=", "GOPROXY=", "GOMODCACHE=", "GOPATH="), "GOFLAGS=-modcacherw", "GOWORK=off",
		"GOPROXY="+l.server, "GOPATH="+filepath.Join(dir, "gopath"), "GONOSUMDB=*", "GOPRIVATE=", "GONOPROXY=none")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	return nil
}
