// Command scale measures gocache on synthetic caches of up to a million build entries and 5,000
// modules, and reports how time and memory grow with them. It also runs 64 restores and 16 saves on
// one server at once.
//
// The caches are real files with correct names and hashes, and the server and the commands are
// real. Run it from the root of the repository with "bash bench/scale/run"; see README.md.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("scale", execute) }

func execute(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return kit.Benchmark[results]{
		Prefix:  "scale-",
		Measure: func(ctx context.Context) (*results, error) { return measureAll(ctx, o) },
		Load:    func(files string) (*results, error) { return loadAll(strings.Split(files, ",")) },
		Started: func(r *results) time.Time { return r.Started },
		Render: func(r *results) (string, error) {
			r.Note = cmp.Or(o.note, r.Note)
			return render(r)
		},
		Missed: (*results).missed,
	}.Run(ctx, o.Output)
}

// measureAll measures the load, and then the sizes in their order.
func measureAll(ctx context.Context, o options) (res *results, err error) {
	l, err := newLab(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	res = &results{Started: time.Now().UTC(), Machine: describeMachine(ctx, l.gocache)}
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
