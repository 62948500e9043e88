package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/report"
)

// console holds the rules of what gocache prints:
//
//   - the result goes to stdout, as a table, or as JSON with --json; all else goes to stderr;
//   - messages are "gocache: warning: ..." or "gocache: error: ...", in lower case and
//     with no final period; a hint follows on a line of its own;
//   - --quiet leaves only warnings, errors and JSON;
//   - --debug adds "gocache: debug: ...", from many goroutines at once, and takes progress away;
//   - where stdout or stderr is a terminal, a few words have colours (report.Tone), unless NO_COLOR
//     is set;
//   - no secret of the environment is printed, whichever text it comes with, and messages hold
//     nothing that looks like a secret.
//
// Only debugf is safe for concurrent use; while a report.Progress runs, nothing else prints.
type console struct {
	stdout, stderr io.Writer
	json, quiet    bool
	debug          bool
	colours        colours
	secrets        *redact.Values
	mu             sync.Mutex // held to write to stderr
	// observe gets each message as it is printed; kind is "warning" or "error". May be nil.
	observe func(kind, text, hint string)
}

// colours says where there are some.
type colours struct{ stdout, stderr bool }

// warn says that something is wrong and that the job goes on.
func (c *console) warn(err error, hint string) { c.message("warning", err, hint) }

// fail says why the exit code is not 0.
func (c *console) fail(err error, hint string) { c.message("error", err, hint) }

// message prints one message and its hint. Errors come from many places, some of which end in
// a period or a line break; both are cut off here, so that all messages look alike.
func (c *console) message(kind string, err error, hint string) {
	// Errors of several lines (errors.Join, output of the go command) stay together by indentation.
	text := strings.ReplaceAll(strings.TrimRight(c.clean(err.Error()), ".\n"), "\n", "\n\t")
	tone := report.Doubtful
	if kind == "error" {
		tone = report.Bad
	}
	c.line("%s %s", report.Paint(&report.Canvas{Colours: c.colours.stderr}, tone, kind+":"), text)
	if c.observe != nil {
		c.observe(kind, text, hint)
	}
	if hint != "" {
		c.line("hint: %s", hint)
	}
}

// clean takes secrets out of a text.
func (c *console) clean(text string) string { return redact.Text(c.secrets.Text(text)) }

// line writes a line to stderr.
func (c *console) line(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.stderr, "gocache: "+format+"\n", args...)
}

// debugf prints with --debug only. It is safe for concurrent use.
func (c *console) debugf(format string, args ...any) {
	if c.debug {
		c.line("debug: %s", c.clean(fmt.Sprintf(format, args...)))
	}
}

// warnings prints what a pipeline had to say.
func (c *console) warnings(list []string) {
	for _, w := range list {
		c.warn(errors.New(w), "")
	}
}

// say tells people what is going on.
func (c *console) say(format string, args ...any) {
	if !c.quiet {
		c.line("%s", c.clean(fmt.Sprintf(format, args...)))
	}
}

// shows reports whether results are printed, as text or as JSON.
func (c *console) shows() bool { return c.json || !c.quiet }

// result prints value as JSON, or calls text for people.
func (c *console) result(value any, text func(io.Writer) error) error {
	b := report.Canvas{Colours: c.colours.stdout, Columns: report.Columns(c.stdout)}
	write := func() error { return text(&b) }
	switch {
	case c.json:
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		write = func() error { return enc.Encode(value) }
	case c.quiet:
		return nil
	}
	err := write()
	if err == nil {
		// Not clean: the result of keygen is a private key.
		_, err = io.WriteString(c.stdout, c.secrets.Text(b.String()))
	}
	if err != nil {
		return failure{config.ExitFailed, fmt.Errorf("print result: %w", err)}
	}
	return nil
}
