// Package upstream asks others for modules: module proxies over HTTP, and the repositories
// themselves by way of the go command, in the order and with the fall-backs that GOPROXY has.
//
// Nothing that comes back is trusted: it is what an upstream said, in the right form. Whether it
// is the module is for the caller to verify.
//
// Failures are of a few kinds, and these are never mixed up: an answer that something does not
// exist sends clients elsewhere, with the name of the module, and an outage must not.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/module"
)

// A Source can be asked for modules. All methods are safe for concurrent use. Errors are *Error,
// but for those of ctx and of the writer of Zip.
type Source interface {
	// List returns the known versions of a module, as the protocol has them: one a line.
	List(ctx context.Context, path string) ([]byte, error)
	// Latest returns the .info of the latest version.
	Latest(ctx context.Context, path string) ([]byte, error)
	// Info returns the .info of what a query means: a version, a branch, a commit.
	Info(ctx context.Context, path, query string) ([]byte, error)
	// Mod returns the go.mod of a version.
	Mod(ctx context.Context, v module.Version) ([]byte, error)
	// Zip writes the zip of a version to w, from its first byte. It may write again from there
	// if it has to ask once more.
	Zip(ctx context.Context, v module.Version, w Spool) error
	// String names the source, without secrets.
	String() string
}

// Spool is where a zip goes: a file.
type Spool interface {
	io.Writer
	io.Seeker
	Truncate(size int64) error
}

// Kind of failure.
type Kind int

// The kinds.
const (
	Outage    Kind = iota // no answer, or none that makes sense: 502, or 504 after a timeout
	Absent                // it does not exist there: 404 and 410
	Forbidden             // there, or perhaps there, and not for us: 401 and 403
	Busy                  // later: 429 and 503 with Retry-After
	Refused               // the answer is not what has been proven to be right: never served
)

// Error says why a source did not give what it was asked for.
type Error struct {
	Kind   Kind
	Source string
	What   string // which module, and what of it
	Status int    // of HTTP; 0: there was none
	After  time.Duration
	Down   bool // no connection, or no answer on it: it is the same for all modules
	Err    error
}

func (e *Error) Error() string {
	text := e.Source + ": " + e.What
	if e.Status != 0 {
		text += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf tells the kind of any error: what is no *Error is an outage.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Outage
}

// IsAbsent reports whether the answer was that something does not exist.
func IsAbsent(err error) bool { return err != nil && KindOf(err) == Absent }

// IsDown reports whether a source does not answer at all.
func IsDown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Down
}

// IsOutage reports whether nobody gave an answer, so that an older one may still be right.
func IsOutage(err error) bool { k := KindOf(err); return err != nil && (k == Outage || k == Busy) }
