//go:build linux

// Command floor does only the work that every restore has to do: it decodes the frames of a
// snapshot, hashes what has to be hashed, and writes the files. The stored bytes are in memory
// before it starts, and so is everything that can be known about them. There is no network, no
// server, no manifest to read and no check of existing files, and files do not get times. So the
// difference between a restore and this program is the most that a better client could gain.
//
//	floor -store DIR -mod DIR -build DIR
//
// DIR is the prefix of a directory store, or of a bucket as versitygw stores it, with the objects
// of one snapshot. The program writes working caches. It prints the seconds as JSON:
// {"wall":2.2,"user":2.1,"system":2.0}.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("floor", execute) }

func execute(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("floor", flag.ContinueOnError)
	store := f.String("store", "", "`directory` with the objects")
	mod := f.String("mod", "", "`directory` to write the module cache to; must not exist")
	build := f.String("build", "", "`directory` to write the build cache to; must not exist")
	if err := f.Parse(args); err != nil {
		return err
	}
	w, err := plan(*store, *mod, *build)
	if err != nil {
		return err
	}
	runtime.GC() // free what the plan left behind
	before, start := processorTime(), time.Now()
	if err := w.do(ctx); err != nil {
		return err
	}
	c := processorTime()
	c.Wall, c.User, c.System = time.Since(start).Seconds(), c.User-before.User, c.System-before.System
	return json.NewEncoder(os.Stdout).Encode(c)
}

// processorTime returns the processor time that this process has used so far.
func processorTime() (c kit.Cost) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(fmt.Sprintf("getrusage: %v", err)) // it fails only for wrong arguments
	}
	c.User = float64(r.Utime.Nano()) / 1e9
	c.System = float64(r.Stime.Nano()) / 1e9
	return c
}
