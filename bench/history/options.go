package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

// minRuns is the least number of runs that can be compared. Targets are meaningful only from 20
// runs on, since the first ten are compared with the last ten.
const minRuns = 2

type options struct {
	module      string
	first, last string // versions; "": no bound
	max         int    // releases
	maxAge      time.Duration
	real        int
	work        string
	kit.Output
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("history", flag.ContinueOnError)
	f.StringVar(&o.module, "module", "github.com/minio/minio-go/v7", "`path` of the project's module")
	f.StringVar(&o.first, "first", "v7.0.55", "first `version`; empty: the first that the module proxy lists")
	f.StringVar(&o.last, "last", "", "last `version`; empty: the last that the module proxy lists")
	f.IntVar(&o.max, "max", 0, "replay at most the newest `number` of these releases (0: all)")
	f.DurationVar(&o.maxAge, "max-age", 14*24*time.Hour, "what gocache save gets as --max-age")
	f.IntVar(&o.real, "real", 1, "run the go commands for gocache at every `N`th release, and in between take what they would do from the prefix run")
	f.StringVar(&o.work, "work", filepath.Join(os.TempDir(), "gocache-history"), "`directory` for caches and stores; it is emptied, and removed at the end")
	o.Flags(f, "docs/history.md")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := kit.NoArguments(f); err != nil {
		return o, err
	}
	if o.max < 0 || o.real < 1 {
		return o, errors.New("-max must not be negative, and -real must be at least 1")
	}
	var err error
	o.work, err = filepath.Abs(o.work)
	return o, err
}
