// Command history replays releases of a real project as CI runs, one after the other: restore,
// build, vet, compile the tests, save. It does so for three policies (this project's, that of
// actions/setup-go, and a prefix key that is never trimmed) and compares what they
// restore, how much of it is used, what is compiled nevertheless, and how the store grows.
//
// The runs take place at the dates of the releases: see clock. All go commands are real, and so are
// the caches and stores. Run it from the root of the repository by "bash bench/history/run"; see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(os.Args[1:])
	if err == nil {
		err = execute(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(1)
	}
}

// execute measures, or loads what an earlier run measured, and reports.
func execute(ctx context.Context, o options) error {
	res, err := obtain(ctx, o)
	if err != nil {
		return err
	}
	page, err := render(res)
	if err != nil {
		return err
	}
	fmt.Println(page)
	if o.doc != "" {
		if err := os.WriteFile(o.doc, []byte(page), 0o644); err != nil {
			return err
		}
	}
	if missed := res.missed(); o.check && len(missed) > 0 {
		return fmt.Errorf("%d targets missed: %s", len(missed), strings.Join(missed, "; "))
	}
	return nil
}

func obtain(ctx context.Context, o options) (*results, error) {
	if o.from != "" {
		return loadResults(o.from)
	}
	res, err := replayAll(ctx, o)
	if res == nil || len(res.Runs) == 0 {
		return nil, err
	}
	// What was measured before an error is kept too.
	file := filepath.Join(o.results, "history-"+res.Started.Format("20060102-150405")+".json")
	if saveErr := res.save(file); saveErr != nil {
		return nil, errors.Join(err, saveErr)
	}
	logf("raw figures: %s", file)
	return res, err
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "history: "+format+"\n", args...) }
