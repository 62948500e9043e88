package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

type options struct {
	sizes     []int // build entries
	load      bool
	gocache   string
	versitygw string
	work      string
	ownDisk   bool
	note      string
	kit.Output
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	sizes := f.String("sizes", "10000,100000,1000000", "`numbers` of build entries; each comes with a module for 200 entries")
	f.BoolVar(&o.load, "load", true, "measure parallel restores and saves too")
	f.StringVar(&o.gocache, "gocache", "", "`file` of the binary to measure (default: built from the checkout)")
	f.StringVar(&o.versitygw, "versitygw", "", "`file` of the S3 server's binary (default: built from tools/go.mod)")
	f.StringVar(&o.work, "work", filepath.Join(os.TempDir(), "gocache-scale"), "`directory` for caches and store; it is emptied, and emptied again at the end")
	f.BoolVar(&o.ownDisk, "image", true, "as root, work on a file system of its own, in a file beside the working directory")
	f.StringVar(&o.note, "note", "", "`text` for the report about this run")
	o.Flags(f, "docs/scale.md")
	f.Lookup("from").Usage = "measure nothing: report the raw figures in `files`, separated by commas; of what several have, those of the last"
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := kit.NoArguments(f); err != nil {
		return o, err
	}
	for s := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < perModule || n > 4_000_000 {
			return o, fmt.Errorf("-sizes: %q: want %d to 4000000", s, perModule)
		}
		o.sizes = append(o.sizes, n)
	}
	var errs [3]error
	for i, p := range []*string{&o.work, &o.gocache, &o.versitygw} {
		if *p != "" {
			*p, errs[i] = filepath.Abs(*p)
		}
	}
	return o, errors.Join(errs[:]...)
}
