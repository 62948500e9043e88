package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/usage"
)

const prefetchLong = `Prefetch puts modules into the store, for a proxy that may ask nobody (--offline)
or that should have them before they are needed: all that go.sum files name, or
single modules. Without arguments it takes go.sum of the current directory.

Name a module with a version, a branch, a commit or latest: MODULE@VERSION.`

// prefetchLimit is how many modules are fetched at once.
const prefetchLimit = 8

// prefetchCommand describes the command line.
func prefetchCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "prefetch [go.sum | MODULE@VERSION]...",
		Short:   "Put modules into the store before they are needed",
		Long:    prefetchLong,
		Example: "  gocache proxy prefetch --store ./store go.sum golang.org/x/tools@latest",
	}
	return c.add(cmd, config.Prefetch, prefetchJob)
}

// A wantedModule is one that prefetch fetches.
type wantedModule struct {
	path, query string
	sum, modSum string // the h1 in go.sum, or ""
	modOnly     bool   // go.sum has its go.mod only
}

// prefetched is what prefetch prints.
type prefetched struct {
	Store   string   `json:"store"`
	Modules int      `json:"modules"` // with their trees
	Mods    int      `json:"goMods"`  // of which only go.mod is needed
	Fetched int      `json:"fetched"` // of both, what the store did not have
	Failed  []string `json:"failed,omitempty"`
}

// missingError names all modules that are not in the store, each on a line.
type missingError struct {
	failed []string
	of     int
}

func (e *missingError) Error() string {
	return fmt.Sprintf("%d of %d modules are not in the store:\n%s", len(e.failed), e.of, strings.Join(e.failed, "\n"))
}

func prefetchJob(ctx context.Context, r *run, args []string) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	list, err := wantedModules(args)
	if err != nil {
		return err
	}
	parts, err := newFillingParts(ctx, r, proxyLog(r))
	if err != nil {
		return err
	}
	defer parts.close()
	lib := parts.fillingLibrary()
	defer lib.Close()
	out := prefetched{Store: parts.store.String()}
	err = out.fetch(ctx, r, lib, list)
	if printErr := r.out.result(out, out.write); printErr != nil {
		return printErr
	}
	return r.end.finish(ctx, err)
}

// fetch fetches all modules, waits until they are stored, and looks whether they are.
func (p *prefetched) fetch(ctx context.Context, r *run, lib *proxy.Library, list []wantedModule) error {
	got, had := make([]module.Version, len(list)), make([]bool, len(list))
	errs := each(len(list), func(i int) (err error) {
		got[i], had[i], err = list[i].fetch(ctx, lib)
		return err
	})
	lib.Wait(ctx)
	if err := p.seal(ctx, lib, got, errs); err != nil {
		return err
	}
	missing := each(len(list), func(i int) error {
		if errs[i] != nil {
			return errs[i]
		}
		return lib.CheckStored(ctx, got[i], !list[i].modOnly)
	})
	for i, w := range list {
		p.count(r, w, got[i], had[i], missing[i])
	}
	if len(p.Failed) > 0 {
		return &missingError{p.Failed, len(list)}
	}
	return nil
}

// count adds a module to the figures.
func (p *prefetched) count(r *run, w wantedModule, v module.Version, had bool, err error) {
	switch {
	case err != nil:
		p.Failed = append(p.Failed, fmt.Sprintf("%s@%s: %v", w.path, w.query, err))
		return
	case w.modOnly:
		p.Mods++
	default:
		p.Modules++
	}
	if had {
		r.out.debugf("%s: in the store already", v)
		return
	}
	p.Fetched++
	r.out.debugf("%s: fetched", v)
}

// seal stores the proofs of the checksum database, for the clients of a proxy that asks nobody.
func (p *prefetched) seal(ctx context.Context, lib *proxy.Library, got []module.Version, errs []error) error {
	var fetched []module.Version
	for i, v := range got {
		if errs[i] == nil {
			fetched = append(fetched, v)
		}
	}
	err := lib.Seal(ctx, fetched)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// each calls do for 0 to n-1, some at once.
func each(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(prefetchLimit)
	for i := range n {
		g.Go(func() error {
			errs[i] = do(i)
			return nil
		})
	}
	g.Wait()
	return errs
}

// fetch fetches one module, and compares it with go.sum. had means that the store had it already.
func (w wantedModule) fetch(ctx context.Context, lib *proxy.Library) (v module.Version, had bool, err error) {
	if v, err = lib.Resolve(ctx, w.path, w.query); err != nil {
		return v, false, err
	}
	had = lib.CheckStored(ctx, v, !w.modOnly) == nil
	if w.modOnly {
		_, err := lib.Mod(ctx, v)
		return v, had, err
	}
	sum, err := lib.Fetch(ctx, v)
	if err == nil && w.sum != "" && sum != w.sum {
		err = fmt.Errorf("it has the hash %s, but go.sum says %s", sum, w.sum)
	}
	return v, had, err
}

func (p prefetched) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %s, and %s of which only go.mod is needed; %s of them fetched, %s failed\n", p.Store,
		quantity.Counted(p.Modules, "module"), quantity.Count(p.Mods), quantity.Count(int64(p.Fetched)), quantity.Count(int64(len(p.Failed))))
	return err
}

// wantedModules reads arguments, each module once.
func wantedModules(args []string) (list []wantedModule, err error) {
	if len(args) == 0 {
		args = []string{"go.sum"}
	}
	for _, arg := range args {
		if strings.HasSuffix(arg, ".sum") {
			data, err := os.ReadFile(arg)
			if err != nil {
				return nil, usage.Wrap(err)
			}
			more, err := parseGoSum(filepath.Base(arg), data)
			if err != nil {
				return nil, usage.Wrap(err)
			}
			list = append(list, more...)
			continue
		}
		path, query, ok := strings.Cut(arg, "@")
		if !ok || query == "" || module.CheckPath(path) != nil {
			return nil, usage.Errorf("%q is neither a go.sum file nor MODULE@VERSION", arg)
		}
		list = append(list, wantedModule{path: path, query: query})
	}
	return merge(list)
}

// merge makes one of all that go.sum files say of a version.
func merge(list []wantedModule) (out []wantedModule, err error) {
	slices.SortStableFunc(list, func(a, b wantedModule) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.query, b.query))
	})
	for _, m := range list {
		last := len(out) - 1
		if last < 0 || out[last].path != m.path || out[last].query != m.query {
			out = append(out, m)
			continue
		}
		w := &out[last]
		if w.sum != "" && m.sum != "" && w.sum != m.sum || w.modSum != "" && m.modSum != "" && w.modSum != m.modSum {
			return nil, usage.Errorf("%s@%s: the go.sum files have different hashes", m.path, m.query)
		}
		w.sum, w.modSum, w.modOnly = cmp.Or(w.sum, m.sum), cmp.Or(w.modSum, m.modSum), w.modOnly && m.modOnly
	}
	return out, nil
}

// parseGoSum reads a go.sum file.
func parseGoSum(name string, data []byte) (list []wantedModule, err error) {
	index := map[module.Version]int{}
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		f := strings.Fields(sc.Text())
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, errors.New(name + " is not a go.sum file")
		}
		version, isMod := strings.CutSuffix(f[1], "/go.mod")
		v := module.Version{Path: f[0], Version: version}
		i, ok := index[v]
		if !ok {
			i = len(list)
			index[v] = i
			list = append(list, wantedModule{path: v.Path, query: v.Version, modOnly: true})
		}
		switch {
		case !strings.HasPrefix(f[2], "h1:"):
		case isMod:
			list[i].modSum = f[2]
		default:
			list[i].modOnly, list[i].sum = false, f[2]
		}
	}
	return list, nil
}
