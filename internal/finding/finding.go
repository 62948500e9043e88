// Package finding is what a check found: how bad it is, the evidence for that, and what mends it.
// Commands that look after caches print findings, and exit with an error if one of them failed.
package finding

import (
	"fmt"
	"io"
	"strings"

	"github.com/org/gocache-action/internal/report"
)

// A Status is how bad something is. The order is that of harm.
type Status int

const (
	OK   Status = iota // as it should be
	Warn               // works, but not as well as it could, or not for long
	Fail               // does not work, or cannot be trusted
)

var names = [...]string{OK: "ok", Warn: "warn", Fail: "fail"}

func (s Status) String() string { return names[s] }

// tones are how a terminal shows them.
var tones = [...]report.Tone{OK: report.Good, Warn: report.Doubtful, Fail: report.Bad}

// Tone is how a terminal shows it.
func (s Status) Tone() report.Tone { return tones[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Status) UnmarshalText(text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("status %q: want ok, warn or fail", text)
}

// A Finding is the result of one check.
type Finding struct {
	Check    string `json:"check"` // its name, such as proxy or disk-space: stable, for scripts
	Status   Status `json:"status"`
	Evidence string `json:"evidence"`        // what was seen, for people
	Remedy   Remedy `json:"remedy,omitzero"` // none if nothing is wrong
}

// Okf is a finding of what is as it should be. Whoever runs the check names it.
func Okf(format string, args ...any) Finding {
	return Finding{Evidence: fmt.Sprintf(format, args...)}
}

// Warnf is a finding of what works, but not as well as it could.
func Warnf(r Remedy, format string, args ...any) Finding {
	return Finding{Status: Warn, Evidence: fmt.Sprintf(format, args...), Remedy: r}
}

// Failf is a finding of what does not work.
func Failf(r Remedy, format string, args ...any) Finding {
	return Finding{Status: Fail, Evidence: fmt.Sprintf(format, args...), Remedy: r}
}

// Findings are those of several checks, in the order in which people should read them.
type Findings []Finding

// Worst is that of the worst finding; OK if there is none.
func (f Findings) Worst() Status {
	worst := OK
	for _, one := range f {
		worst = max(worst, one.Status)
	}
	return worst
}

// Write prints findings for people: a line each, and below it how to mend what is wrong.
func (f Findings) Write(w io.Writer) error {
	width := 0
	for _, one := range f {
		width = max(width, len(one.Check))
	}
	var b strings.Builder
	for _, one := range f {
		status := report.Paint(w, one.Status.Tone(), fmt.Sprintf("%-4s", one.Status))
		fmt.Fprintf(&b, "%s  %-*s  %s\n", status, width, one.Check, wrapped(w, one.Evidence, 8+width))
		one.Remedy.write(&b, w, 8+width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapped breaks the lines of a text, all but the first of which begin n columns to the right.
func wrapped(w io.Writer, text string, n int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = report.Wrap(w, n, line)
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", n))
}
