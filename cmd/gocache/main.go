// Command gocache gives a CI job a warm Go module cache and build cache from an object
// store, and stores afterwards what changed. What it does is in package cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/org/gocache-action/internal/cli"
)

// Set by releases: -ldflags "-X main.version=v1.2.3 -X main.commit=...".
var version, commit string

func main() { os.Exit(run()) }

// oneSignal is how long after a first signal others still belong to it: timeout(1), for example,
// sends one to the process and one to its group.
const oneSignal = 200 * time.Millisecond

// run is main with an exit code. A first signal cancels what is going on, which then cleans
// up; a second one kills, as the handler is removed soon after the first.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), cli.EndSignals()...)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(oneSignal, stop) })
	return cli.Main(ctx, os.Args[1:], cli.Release{Version: version, Commit: commit})
}
