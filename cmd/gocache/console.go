package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// console holds the rules of what gocache prints:
//
//   - the result goes to stdout: a table, or JSON with --json; all else goes to stderr;
//   - messages are "gocache: warning: ..." or "gocache: error: ...", in lower case and
//     with no final period; a hint what to do follows on a line of its own;
//   - --quiet leaves only warnings, errors and JSON.
//
// Not safe for concurrent use; while a report.Progress runs, nothing else prints.
type console struct {
	stdout, stderr io.Writer
	json, quiet    bool
	// observe gets each message as it is printed; kind is "warning" or "error". May be nil.
	observe func(kind, text, hint string)
}

// warn says that something is wrong and that the job goes on.
func (c *console) warn(err error, hint string) { c.message("warning", err, hint) }

// fail says why the exit code is not 0.
func (c *console) fail(err error, hint string) { c.message("error", err, hint) }

// message prints one message and its hint. Errors come from many places, some of which end in
// a period or a line break; both are cut off here, so that all messages look alike.
func (c *console) message(kind string, err error, hint string) {
	// Errors of several lines (errors.Join, output of the go command) stay together by indentation.
	text := strings.ReplaceAll(strings.TrimRight(err.Error(), ".\n"), "\n", "\n\t")
	fmt.Fprintf(c.stderr, "gocache: %s: %s\n", kind, text)
	if c.observe != nil {
		c.observe(kind, text, hint)
	}
	if hint != "" {
		fmt.Fprintf(c.stderr, "gocache: hint: %s\n", hint)
	}
}

// say tells people what is going on.
func (c *console) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.stderr, "gocache: "+format+"\n", args...)
	}
}

// result prints value as JSON, or calls text for people.
func (c *console) result(value any, text func(io.Writer) error) error {
	if c.json {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(value); err != nil {
			return failure{exitFailed, fmt.Errorf("print result: %w", err)}
		}
		return nil
	}
	if c.quiet {
		return nil
	}
	if err := text(c.stdout); err != nil {
		return failure{exitFailed, fmt.Errorf("print result: %w", err)}
	}
	return nil
}
