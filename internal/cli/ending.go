package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

// How a command ends before it is done. Its time is bounded by --timeout, and a signal can come at
// any moment. Both cancel its context, and it ends by itself, after it has cleaned up: aborted
// uploads, removed stages. Two bounds are behind that, for a store or a disk that hangs just then:
// requests for cleaning up end after a while (store.WithEnd), and a moment later the process exits.
// Nothing that is stored or restored depends on the cleaning: both can be killed at any instant.
//
// GitHub sends SIGINT to a job that is cancelled, SIGTERM after 7.5 s, and kills it after 10 s.
const (
	cleanAfterSignal  = 3500 * time.Millisecond
	exitAfterSignal   = 4500 * time.Millisecond
	cleanAfterTimeout = 600 * time.Millisecond
	exitAfterTimeout  = 900 * time.Millisecond
)

// errTimedOut is the cause of a context that ended by --timeout. Connections have times of their
// own, whose errors look like context.DeadlineExceeded.
var errTimedOut = errors.New("not done within")

// leaves says what a command leaves when it ends before it is done, for people who wonder.
var leaves = map[string]string{
	"restore": "what it restored is whole, the next restore completes it",
	"save":    "the snapshot from before stays, and the next save uses what was uploaded",
	"gc":      "what it removed was due, and the next gc goes on",
}

// An ending is how one command ends. Its fields are set before the command begins, but for meter,
// which progress sets.
type ending struct {
	command     string        // its name, if it is one of several steps of a job
	timeout     time.Duration // 0: never
	failOnError bool          // an error is more than a warning
	out         *console
	exit        func(code int) // of the process; nil in tests
	meter       atomic.Pointer[report.Meter]
}

// bound ends the time of a command by --timeout, and that of what comes after a signal.
func (e *ending) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	end, cancelEnd := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := withTimeout(store.WithEnd(ctx, end), e.timeout)
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { e.watch(ctx, done, cancelEnd) })
	return ctx, func() { stop(); close(done); cancel(); cancelEnd() }
}

// withTimeout is for a time of which 0 means for ever.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, errTimedOut)
}

// watch ends the cleaning up, then the process, unless the command is done before.
func (e *ending) watch(ctx context.Context, done <-chan struct{}, endCleaning func()) {
	clean, exit := cleanAfterSignal, exitAfterSignal
	if isTimedOut(ctx) {
		clean, exit = cleanAfterTimeout, exitAfterTimeout
	}
	ended := time.Now()
	select {
	case <-done:
		return
	case <-time.After(clean):
		endCleaning()
	}
	select {
	case <-done:
	case <-time.After(exit - time.Since(ended)):
		e.giveUp(ctx)
	}
}

// giveUp exits without waiting for what still hangs. The message goes to the same places as any
// other.
func (e *ending) giveUp(ctx context.Context) {
	if e.exit == nil {
		return
	}
	err := e.finish(ctx, fmt.Errorf("it does not end by itself: %w", ctx.Err()))
	if err != nil {
		e.out.fail(err, "")
		e.exit(asFailure(err).code)
	}
	e.exit(config.ExitOK)
}

func isTimedOut(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTimedOut) }

// finish turns the error of restore or save into a warning, unless the flags ask for an exit code.
// ctx is that of the command.
func (e *ending) finish(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case usage.Is(err):
		return err
	case isTimedOut(ctx):
		err = fmt.Errorf("%s %w %s%s: %w", e.command, errTimedOut, config.DurationText(e.timeout), e.meaning(), err)
	case ctx.Err() != nil:
		return failure{config.ExitInterrupted, fmt.Errorf("%s interrupted (%w)%s: %w", e.command, context.Cause(ctx), e.meaning(), err)}
	}
	if e.failOnError {
		return failure{config.ExitFailed, err}
	}
	e.out.warn(err, hintFor(err))
	return nil
}

// meaning says in the middle of what a command ended, and what it leaves.
func (e *ending) meaning() string {
	text := ""
	if m := e.meter.Load(); m != nil && m.Phase() != "" {
		text = fmt.Sprintf(" in the phase %q", m.Phase())
	}
	if left := leaves[e.command]; left != "" {
		text += ": " + left
	}
	return text
}
