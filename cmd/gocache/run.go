package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/report"
)

// The words of progress for the two directions.
var (
	downloadWords = report.Words{Transfer: "fetch", TransferDone: "fetched", Disk: "unpack", DiskDone: "written"}
	uploadWords   = report.Words{Transfer: "upload", TransferDone: "uploaded", Disk: "read", DiskDone: "read"}
)

// progress starts the display on stderr.
func (a *app) progress(m *report.Meter, words report.Words) *report.Progress {
	style := report.StyleFor(a.out.stderr, a.out.quiet || a.out.debug, a.lookup.get("TERM") == "dumb" || onGitHub(a.lookup))
	return report.Start(a.out.stderr, style, m, words)
}

// deadline bounds the time of a command by --timeout.
func (a *app) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.flags.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(a.flags.timeout))
}

// finish turns the error of restore or save into a warning, unless the flags ask for
// an exit code. always is another reason for one.
func (a *app) finish(err error, always bool) error {
	switch {
	case err == nil:
		return nil
	case isUsage(err):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("not done within %s: %w", &a.flags.timeout, err)
	case errors.Is(err, context.Canceled):
		return failure{exitInterrupted, err}
	}
	if a.flags.failError || always {
		return failure{exitFailed, err}
	}
	a.out.warn(err, hintFor(err))
	return nil
}

// warnings prints what a pipeline had to say.
func (a *app) warnings(list []string) {
	for _, w := range list {
		a.out.warn(errors.New(w), "")
	}
}

// isUsage reports whether an error is the caller's mistake, which no flag turns into a warning.
func isUsage(err error) bool {
	var f failure
	return errors.As(err, &f) && f.code == exitUsage
}
