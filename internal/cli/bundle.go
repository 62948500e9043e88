package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/usage"
)

const bundleLong = `Bundle carries the modules of a project into a network without access, as one
file:

  gocache bundle export FILE     where there is access
  gocache bundle import FILE     where there is none, for gocache proxy --offline

Both take the modules that go.sum of the current directory names, or those of the
go.sum files that follow. Nothing in a file is believed: what is imported must have
the hashes of go.sum.`

// bundleCommand describes the command line.
func bundleCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bundle",
		Short:   "Carry modules into a network without access",
		Long:    bundleLong,
		Example: "  gocache bundle export modules.bundle go.sum\n  gocache bundle import modules.bundle --store ./store",
	}
	one := func(use, short string, do func(context.Context, *run, *proxy.Library, string, []proxy.Needed) (any, func(io.Writer) error, error)) {
		sub := &cobra.Command{Use: use + " FILE [go.sum]...", Short: short, Long: bundleLong, Args: need(1, -1, "the name of the file")}
		cmd.AddCommand(c.add(sub, config.Bundle, func(ctx context.Context, r *run, args []string) error {
			return bundleJob(ctx, r, args, do)
		}))
	}
	one("export", "Write the modules of a project into a file", exportBundle)
	one("import", "Put the modules of a file into the store", importBundle)
	return cmd
}

// bundleJob runs one of the commands.
func bundleJob(ctx context.Context, r *run, args []string, do func(context.Context, *run, *proxy.Library, string, []proxy.Needed) (any, func(io.Writer) error, error)) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	list, err := needed(args[1:])
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
	value, text, err := do(ctx, r, lib, args[0], list)
	if err != nil {
		return r.end.finish(ctx, err)
	}
	return r.out.result(value, text)
}

// needed reads go.sum files.
func needed(files []string) (list []proxy.Needed, err error) {
	modules, err := wantedModules(files)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		if m.sum == "" && m.modSum == "" {
			return nil, usage.Errorf("%s@%s: a bundle is made of go.sum files", m.path, m.query)
		}
		v := module.Version{Path: m.path, Version: m.query}
		list = append(list, proxy.Needed{Version: v, Sum: m.sum, ModSum: m.modSum})
	}
	return list, nil
}

// exported is what export prints.
type exported struct {
	File    string `json:"file"`
	Modules int    `json:"modules"`
	Bytes   int64  `json:"bytes"`
}

// exportBundle fetches what the store does not have, and writes the file, which appears when it is
// whole.
func exportBundle(ctx context.Context, r *run, lib *proxy.Library, file string, list []proxy.Needed) (any, func(io.Writer) error, error) {
	var fetch []wantedModule
	for _, n := range list {
		fetch = append(fetch, wantedModule{path: n.Version.Path, query: n.Version.Version, sum: n.Sum, modSum: n.ModSum, modOnly: n.Sum == ""})
	}
	if err := new(prefetched).fetch(ctx, r, lib, fetch); err != nil {
		return nil, nil, err
	}
	partial := file + ".partial"
	f, err := os.Create(partial)
	if err != nil {
		return nil, nil, err
	}
	defer os.Remove(partial)
	out := exported{File: file, Modules: len(list)}
	err = lib.Export(ctx, f, list)
	if st, serr := f.Stat(); serr == nil {
		out.Bytes = st.Size()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = osfile.Rename(partial, file)
	}
	return out, out.write, err
}

func (e exported) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %s, %s\n", e.File, quantity.Counted(int64(e.Modules), "module"), quantity.Bytes(e.Bytes))
	return err
}

// importBundle stores what go.sum names.
func importBundle(ctx context.Context, r *run, lib *proxy.Library, file string, list []proxy.Needed) (any, func(io.Writer) error, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, usage.Wrap(err)
	}
	defer f.Close()
	got, err := lib.Import(ctx, f, list)
	if err != nil {
		return nil, nil, err
	}
	if n := len(got.Missing); n > 0 {
		return nil, nil, fmt.Errorf("%s: %d modules of go.sum are not in it; the first: %s", file, n, got.Missing[0])
	}
	return got, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s and %s stored; %s that go.sum does not name\n", file,
			quantity.Counted(got.Modules, "module"), quantity.Counted(got.Mods, "go.mod file"), quantity.Counted(got.Skipped, "file"))
		return err
	}, nil
}
