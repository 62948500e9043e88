// Command gocache gives a CI job a warm Go module cache and build cache from an object
// store, and stores afterwards what changed.
//
// The environment is read only here; the packages restore, save and keys are told.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run is main with an exit code. A first interrupt cancels what is going on, which then cleans
// up; a second one kills, as the handler is removed after the first.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, &console{stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:], os.LookupEnv)
}
