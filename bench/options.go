package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

type options struct {
	projects  []string
	rounds    int
	links     []string
	scenarios []string
	gocache   string // binary to measure; empty: built from the checkout
	image     string
	sizeGiB   int
	keep      bool
	frames    string
	kit.Output
}

func parseOptions(args []string) (options, error) {
	var o options
	var projects, links, chosen string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "n", 3, "measured `rounds` of each tool on each link, after one that is not counted")
	f.StringVar(&projects, "project", strings.Join(subjectNames(), ","), "comma-separated `projects`")
	f.StringVar(&links, "links", strings.Join(linkNames, ","), "comma-separated `links`")
	f.StringVar(&chosen, "scenarios", strings.Join(scenarioNames, ","), "comma-separated `scenarios`; those that one depends on are run too")
	f.StringVar(&o.gocache, "gocache", "", "`binary` to measure (default: built from the checkout)")
	f.StringVar(&o.image, "image", "", "`file` for the image of the file system (default: in /dev/shm where memory allows, else in the temporary directory)")
	f.IntVar(&o.sizeGiB, "size", 0, "`GiB` of the image (default: what the projects need)")
	f.BoolVar(&o.keep, "keep", false, "leave the file system mounted with the built project on it, and use it again in the next run")
	f.StringVar(&o.frames, "frames", "", "`directory` to which decoded frames of the first save are written, for BenchmarkEncoders")
	o.Flags(f, "docs/benchmarks.md")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.projects, o.links, o.scenarios = strings.Split(projects, ","), strings.Split(links, ","), strings.Split(chosen, ",")
	if err := errors.Join(kit.NoArguments(f), o.validate()); err != nil {
		return o, err
	}
	return o, o.setImage()
}

func (o *options) validate() error {
	if o.rounds < 1 {
		return errors.New("-n must be at least 1")
	}
	if err := subset("-project", o.projects, subjectNames()); err != nil {
		return err
	}
	if err := subset("-links", o.links, linkNames); err != nil {
		return err
	}
	return subset("-scenarios", o.scenarios, scenarioNames)
}

func subset(flagName string, got, known []string) error {
	for _, name := range got {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: unknown name %q, known: %s", flagName, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// setImage puts the image into memory if two and a half times its size are free: it takes its whole
// size, and the page cache takes as much again.
func (o *options) setImage() error {
	if o.sizeGiB == 0 {
		for _, name := range o.projects {
			o.sizeGiB += subjectNamed(name).GiB
		}
	}
	if o.image != "" {
		return nil
	}
	dir := os.TempDir()
	if free, err := availableMemory(); err == nil && free > int64(o.sizeGiB)<<30*5/2 {
		dir = "/dev/shm"
	}
	o.image = filepath.Join(dir, "gocache-bench.img")
	return nil
}
