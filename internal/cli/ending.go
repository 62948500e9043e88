package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/restore"
)

// A command may end before it is done: at --timeout, or on a signal at any moment. Both cancel its
// context; the command then cleans up (aborts uploads, removes stages) and returns. A store or a
// disk may hang at that very moment, so there are two more bounds: requests for cleaning up end
// after a while (store.WithEnd), and shortly afterwards the process exits. No stored or restored
// data depends on the cleaning: restore and save can be killed at any instant.
//
// GitHub sends SIGINT to a cancelled job, SIGTERM after 7.5 s, and kills it after 10 s.
const (
	cleanAfterSignal  = 3500 * time.Millisecond
	exitAfterSignal   = 4500 * time.Millisecond
	cleanAfterTimeout = 600 * time.Millisecond
	exitAfterTimeout  = 900 * time.Millisecond
)

// errTimedOut is the cause of a context that --timeout has ended. Connections have timeouts of
// their own, whose errors also match context.DeadlineExceeded.
var errTimedOut error = timedOut{}

type timedOut struct{}

func (timedOut) Error() string { return "not done within" }

// Is lets the packages below recognise a timeout by context.DeadlineExceeded, whatever its cause.
func (timedOut) Is(target error) bool { return target == context.DeadlineExceeded }

// leaves tells people in which state a command leaves things when it ends early.
var leaves = map[string]string{
	"restore": "what it restored is whole, the next restore completes it",
	"save":    "the snapshot from before stays",
	"verify":  "with --store and --resume, the next one goes on",
	"gc":      "what it removed was due, and the next gc goes on",
}

// savedWhole is what a save leaves in addition when it has begun to upload.
const savedWhole = ", and the next save uses what was uploaded completely"

// doing says in words what a command does in a phase of its meter.
var doing = map[string]string{
	"look up": "looking for a snapshot", "compare": "comparing the caches with the snapshot", "verify": "verifying the caches", "restore": "restoring",
	"scan": "scanning the caches", "read": "reading what is new", "upload": "uploading", "publish": "publishing the snapshot",
	"wait for another save": "waiting for another save",
	"read the notes":        "reading the notes", "write the notes": "writing the notes", "read manifests": "reading manifests",
	"weigh": "adding up what goes", "sweep": "removing objects", "abort uploads": "aborting uploads that were not completed",
	"scan modules": "scanning the module cache", "look for proofs of modules": "looking for proofs of modules", "modules": "verifying modules",
	"scan the build cache": "scanning the build cache", "build cache": "verifying the build cache", "objects": "verifying objects",
	"look for what is missing": "looking for what is missing", "fix": "removing what is wrong", "verify again": "verifying again",
	"read the caches": "reading the caches",
}

// An ending decides how one command ends. Its fields are set before the command begins, except
// meter, which progress sets.
type ending struct {
	command     string        // its name, if it is one of several steps of a job
	timeout     time.Duration // 0: never
	failOnError bool          // an error is more than a warning
	noSecrets   func() string // why the job gets none, "": it may get some; nil: it may
	out         *console
	exit        func(code int) // of the process; nil in tests
	meter       atomic.Pointer[report.Meter]
}

// bound limits the time of a command to --timeout, and the time that it may take after a signal.
func (e *ending) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	end, cancelEnd := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := withTimeout(store.WithEnd(ctx, end), e.timeout)
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { e.watch(ctx, done, cancelEnd) })
	return ctx, func() { stop(); close(done); cancel(); cancelEnd() }
}

// withTimeout is context.WithTimeoutCause, with 0 for no limit.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, errTimedOut)
}

// watch ends the cleaning up and then the process, unless the command returns first.
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

// giveUp exits the process while something still hangs. Its message goes where all messages go.
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

// finish turns an error of restore or save into a warning, unless the user has asked for an exit
// code. ctx is the context of the command.
func (e *ending) finish(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case usage.Is(err):
		return err
	case isTimedOut(ctx):
		err = fmt.Errorf("%s %w %s%s: %w", e.command, errTimedOut, quantity.Duration(e.timeout), e.meaning(), err)
	case ctx.Err() != nil:
		return failure{config.ExitInterrupted, e.interrupted(context.Cause(ctx), err)}
	}
	if e.failOnError {
		return failure{config.ExitFailed, err}
	}
	if errors.Is(err, store.ErrNoCredentials) && e.noSecrets != nil {
		if reason := e.noSecrets(); reason != "" { // as it is meant to be
			e.out.say("%s: it gets no secrets, and runs without this cache", reason)
			return nil
		}
	}
	e.out.warn(err, hintFor(err))
	return nil
}

// interrupted is the error of a command that a signal ended. What was under way at that moment ends
// with errors that say nothing else, but beside them there may be one of the disk, which the next
// run meets as well. Those of a command that has no words in leaves may say in which state it
// leaves things.
func (e *ending) interrupted(cause, err error) error {
	said := fmt.Errorf("%s interrupted (%w)%s", e.command, cause, e.meaning())
	ofDisk := install.IsLocal(err) || errors.Is(err, restore.ErrNoRoom)
	if leaves[e.command] != "" && !ofDisk && (errors.Is(err, cause) || errors.Is(err, context.Canceled)) {
		return said
	}
	return fmt.Errorf("%w: %w", said, err)
}

// A result is what a command found out or did. Its pointer embeds an outcome.
type result interface {
	write(w io.Writer) error
	setOutcome(err error)
}

// conclude prints the result of a command that ended with err, which finish then judges. What was
// found out is also worth seeing beside an error, unless that is wrong usage.
func (r *run) conclude(ctx context.Context, out result, err error) error {
	if usage.Is(err) {
		return err
	}
	if printErr := r.print(out, err); printErr != nil {
		return printErr
	}
	return r.end.finish(ctx, err)
}

// print prints the result of a command that ended with err.
func (r *run) print(out result, err error) error {
	out.setOutcome(err)
	return r.out.result(out, out.write)
}

// unlessFailed is the end of a command that did all it should: it fails if the worst that it found
// does.
func unlessFailed(worst finding.Status) error {
	if worst == finding.Fail {
		return failure{code: config.ExitFailed} // the findings say why
	}
	return nil
}

// meaning says what was being done when the command ended, and in which state it leaves things.
func (e *ending) meaning() string {
	text := ""
	m := e.meter.Load()
	if m != nil && m.Phase() != "" {
		text = " while " + cmp.Or(doing[m.Phase()], m.Phase())
	}
	if left := leaves[e.command]; left != "" {
		text += ": " + left
	}
	if e.command == "save" && m != nil && m.Bytes.Load() > 0 {
		text += savedWhole
	}
	return text
}
