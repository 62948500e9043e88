// Package goenv asks a go command for its settings, and keeps it from switching to another
// toolchain meanwhile, which it might have to download.
package goenv

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Run runs a go command in dir with more variables than the environment has, and returns what it
// prints.
type Run func(ctx context.Context, dir string, extra []string, args ...string) ([]byte, error)

// Read returns what `go env` says in dir of some variables, or of all if none is named, and of
// GOTOOLCHAIN in any case. That one is asked for by itself, in the one form of go env that never
// switches (cmd/go/internal/toolchain.Select, go1.26): the other runs with GOTOOLCHAIN=local.
func Read(ctx context.Context, run Run, dir string, names ...string) (map[string]string, error) {
	var out, toolchain []byte
	var g errgroup.Group
	g.Go(func() (err error) {
		toolchain, err = run(ctx, dir, nil, "env", "GOTOOLCHAIN")
		return err
	})
	g.Go(func() (err error) {
		out, err = run(ctx, dir, []string{"GOTOOLCHAIN=local"}, append([]string{"env", "-json"}, names...)...)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return Parse(out, toolchain)
}

// Parse parses the output of `go env -json`, and that of `go env GOTOOLCHAIN`.
func Parse(out, toolchain []byte) (map[string]string, error) {
	env := map[string]string{}
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if env == nil { // null
		env = map[string]string{}
	}
	env["GOTOOLCHAIN"] = strings.TrimSpace(string(toolchain))
	return env, nil
}
