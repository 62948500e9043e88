// Command gocache gives a CI job a warm Go module cache and build cache from an object
// store, and stores afterwards what changed.
//
// The environment is read only here; the packages restore, save and keys are told.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() { os.Exit(run()) }

// run is main with an exit code. A first interrupt cancels what is going on, which then cleans
// up; a second one kills, as the handler is removed after the first.
func run() int {
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, &console{stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:], os.LookupEnv)
}

// memoryLimit is what the collector works towards, in bytes: 512 MB is promised for the whole process, and without a
// limit the heap would grow to twice what is in use before it is collected.
const memoryLimit = 400 << 20

// limitMemory leaves a limit that the user has set alone.
func limitMemory() { allowMore(0) }

// allowMore raises the limit, for the lists of very large caches.
func allowMore(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit + bytes)
	}
}
