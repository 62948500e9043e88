// Command scale measures gocache on synthetic caches of up to a million build entries and 5,000
// modules, and says how time and memory grow with them. It also has 64 restores and 16 saves work
// on one server at once.
//
// The caches are real files with right names and hashes, and so are the server and the commands.
// Run it from the root of the repository by "bash bench/scale/run"; see README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("scale", execute) }

// execute measures, or loads what an earlier run measured, and reports.
func execute(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	res, err := obtain(ctx, o)
	if err != nil {
		return err
	}
	if o.note != "" {
		res.Note = o.note
	}
	page, err := render(res)
	if err != nil {
		return err
	}
	return kit.Publish(page, o.doc, o.check, res.missed())
}

func obtain(ctx context.Context, o options) (*results, error) {
	if len(o.from) > 0 {
		return loadAll(o.from)
	}
	res, err := measureAll(ctx, o)
	if res == nil {
		return nil, err
	}
	return res, kit.Keep(o.results, "scale-", res.Started, res, err)
}

// measureAll measures the load, then the sizes in their order.
func measureAll(ctx context.Context, o options) (res *results, err error) {
	l, err := newLab(ctx, o)
	if err != nil {
		return nil, err
	}
	defer l.close()
	res = &results{Started: time.Now().UTC(), Machine: describeMachine(ctx, o.gocache)}
	if o.load {
		if res.Load, err = l.measureLoad(ctx); err != nil {
			return res, fmt.Errorf("load: %w", err)
		}
	}
	for _, n := range o.sizes {
		s, err := l.measureSize(ctx, n)
		res.Finished = time.Now().UTC()
		res.Sizes = append(res.Sizes, s)
		if err != nil {
			return res, fmt.Errorf("%d entries: %w", n, err)
		}
	}
	return res, nil
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "scale: "+format+"\n", args...) }
