package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/store"
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

// deadline bounds the time of a command by --timeout, and that of what comes after a signal.
func (a *app) deadline(ctx context.Context, command string) (context.Context, context.CancelFunc) {
	a.command = command
	end, cancelEnd := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := withTimeout(store.WithEnd(ctx, end), time.Duration(a.flags.timeout))
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { a.watch(ctx, done, cancelEnd) })
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
func (a *app) watch(ctx context.Context, done <-chan struct{}, endCleaning func()) {
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
		a.giveUp(ctx)
	}
}

// giveUp exits without waiting for what still hangs. The message goes to the same places as any
// other.
func (a *app) giveUp(ctx context.Context) {
	if a.process == nil {
		return
	}
	err := a.finish(ctx, fmt.Errorf("it does not end by itself: %w", ctx.Err()), a.command == "plan" || a.command == "gc")
	code := exitOK
	var f failure
	if errors.As(err, &f) {
		code = f.code
		a.out.fail(f.err, "")
	}
	a.process.exit(code)
}

func isTimedOut(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTimedOut) }

// finish turns the error of restore or save into a warning, unless the flags ask for
// an exit code. always is another reason for one. ctx is that of the command.
func (a *app) finish(ctx context.Context, err error, always bool) error {
	switch {
	case err == nil:
		return nil
	case isUsage(err):
		return err
	case isTimedOut(ctx):
		err = fmt.Errorf("%s%w %s%s: %w", a.prefix(), errTimedOut, &a.flags.timeout, a.meaning(), err)
	case ctx.Err() != nil:
		return failure{exitInterrupted, fmt.Errorf("%sinterrupted (%w)%s: %w", a.prefix(), context.Cause(ctx), a.meaning(), err)}
	}
	if a.flags.failError || always {
		return failure{exitFailed, err}
	}
	a.out.warn(err, hintFor(err))
	return nil
}

// prefix names the command, if it is one of several steps.
func (a *app) prefix() string {
	if a.command == "" {
		return ""
	}
	return a.command + " "
}

// meaning says in the middle of what a command ended, and what it leaves.
func (a *app) meaning() string {
	text := ""
	if m := a.meter.Load(); m != nil && m.Phase() != "" {
		text = fmt.Sprintf(" in the phase %q", m.Phase())
	}
	if left := leaves[a.command]; left != "" {
		text += ": " + left
	}
	return text
}
