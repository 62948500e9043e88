package main

import (
	"errors"

	"github.com/org/gocache-action/internal/report"
)

// The words of progress for the two directions.
var (
	downloadWords = report.Words{Transfer: "fetch", TransferDone: "fetched", Disk: "unpack", DiskDone: "written"}
	uploadWords   = report.Words{Transfer: "upload", TransferDone: "uploaded", Disk: "read", DiskDone: "read"}
)

// progress starts the display on stderr.
func (a *app) progress(m *report.Meter, words report.Words) *report.Progress {
	a.meter.Store(m)
	style := report.StyleFor(a.out.stderr, a.out.quiet || a.out.debug, a.lookup.get("TERM") == "dumb" || onGitHub(a.lookup))
	return report.Start(a.out.stderr, style, m, words)
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
