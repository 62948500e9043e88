// Command gocache gives a CI job a warm Go module cache and build cache from an object
// store, and stores afterwards what changed.
//
// The environment is read only here; the packages restore, save and keys are told.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() { os.Exit(run()) }

// run is main with an exit code. A first signal cancels what is going on, which then cleans
// up; a second one kills, as the handler is removed after the first.
func run() int {
	ignoreFileSize()
	a := &app{
		out: &console{stdout: os.Stdout, stderr: os.Stderr}, lookup: os.LookupEnv,
		process: &process{memory: limitMemory(), exit: os.Exit},
	}
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop)
	return a.execute(ctx, os.Args[1:])
}

// process is what only the real process has, and a command in a test has not; nil there.
type process struct {
	memory memoryBudget
	exit   func(code int)
}
