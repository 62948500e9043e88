package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type options struct {
	sizes   []int // build entries
	load    bool
	gocache string
	server  string
	work    string
	results string
	doc     string
	note    string
	from    []string
	scratch bool
	check   bool
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	sizes := f.String("sizes", "10000,100000,1000000", "`numbers` of build entries; each comes with a module for 200 entries")
	f.BoolVar(&o.load, "load", true, "measure parallel restores and saves too")
	f.StringVar(&o.gocache, "gocache", "", "`file` of the binary to measure")
	f.StringVar(&o.server, "versitygw", "", "`file` of the S3 server's binary")
	f.StringVar(&o.work, "work", filepath.Join(os.TempDir(), "gocache-scale"), "`directory` for caches and store; it is emptied, and emptied again at the end")
	f.StringVar(&o.results, "results", "bench/results", "`directory` for the raw figures")
	f.StringVar(&o.doc, "doc", "", "`file` to write the report to, in Markdown (docs/scale.md)")
	f.BoolVar(&o.scratch, "scratch", false, "the working directory goes as a whole afterwards: leave the files where they are")
	from := f.String("from", "", "measure nothing: report the raw figures in `files`, separated by commas; of what several have, those of the last")
	f.StringVar(&o.note, "note", "", "`text` for the report about this run")
	f.BoolVar(&o.check, "check", false, "fail when a target is missed")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	for s := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < perModule || n > 4_000_000 {
			return o, fmt.Errorf("-sizes: %q: want %d to 4000000", s, perModule)
		}
		o.sizes = append(o.sizes, n)
	}
	if *from != "" {
		o.from = strings.Split(*from, ",")
	} else if o.gocache == "" || o.server == "" {
		return o, errors.New("-gocache and -versitygw are needed; bench/scale/run builds both")
	}
	var errs [3]error
	for i, p := range []*string{&o.work, &o.gocache, &o.server} {
		*p, errs[i] = filepath.Abs(*p)
	}
	return o, errors.Join(errs[:]...)
}
