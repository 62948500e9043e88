// Command history replays releases of a real project as CI runs, one after the other: restore,
// build, vet, compile the tests, save. It does so for three policies (this project's, that of
// actions/setup-go, and a prefix key that is never trimmed) and compares what they
// restore, how much of it is used, what is compiled nevertheless, and how the store grows.
//
// The runs take place at the dates of the releases: see clock. All go commands are real, and so are
// the caches and stores. Run it from the root of the repository by "bash bench/history/run"; see
// README.md.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("history", execute) }

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
	page, err := render(res)
	if err != nil {
		return err
	}
	return kit.Publish(page, o.doc, o.check, res.missed())
}

func obtain(ctx context.Context, o options) (*results, error) {
	if o.from != "" {
		return kit.Load[results](o.from)
	}
	res, err := replayAll(ctx, o)
	if res == nil || len(res.Runs) == 0 {
		return nil, err
	}
	return res, kit.Keep(o.results, "history-", res.Started, res, err)
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "history: "+format+"\n", args...) }
