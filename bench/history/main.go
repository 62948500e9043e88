// Command history replays releases of a real project as CI runs, one after another: restore, build,
// vet, compile the tests, save. It does so for three policies (this project's, that of
// actions/setup-go, and a prefix key that is never trimmed) and compares what they restore, how
// much of it is used, what still has to be compiled, and how the store grows.
//
// The runs take place at the dates of the releases: see clock. All go commands are real, and so are
// the caches and stores. Run it from the root of the repository with "bash bench/history/run"; see
// README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("history", execute) }

func execute(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return kit.Benchmark[results]{
		Prefix:  "history-",
		Measure: func(ctx context.Context) (*results, error) { return replayAll(ctx, o) },
		Started: func(r *results) time.Time { return r.Started },
		Render:  render, Beside: publish, Missed: (*results).missed,
	}.Run(ctx, o.Output)
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "history: "+format+"\n", args...) }
