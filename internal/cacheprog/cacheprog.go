// Package cacheprog is a program for GOCACHEPROG that only reads: a go command that is given it
// finds what a build cache has, and neither adds to that cache nor marks anything there as used.
//
// The protocol is that of cmd/go/internal/cacheprog of go1.26: lines of JSON, on which requests and
// responses follow each other.
package cacheprog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/org/gocache-action/internal/digest"
)

// Commands of the protocol. One that a program does not name in its first line is never sent to
// it: without "put" the go command stores nothing.
const (
	cmdGet   = "get"
	cmdClose = "close"
)

type request struct {
	ID       int64
	Command  string
	ActionID []byte `json:",omitempty"`
}

type response struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// An Entry is what a cache has for an action.
type Entry struct {
	Output digest.ID
	Size   int64     // bytes
	Time   time.Time // when it was made
	File   string    // absolute
}

// Serve answers the requests of a go command until it closes the connection or asks to. find
// returns what there is for an action; false if that is nothing.
func Serve(in io.Reader, out io.Writer, find func(digest.ID) (Entry, bool)) error {
	w := bufio.NewWriter(out)
	answer := func(r response) error {
		if err := json.NewEncoder(w).Encode(r); err != nil {
			return err
		}
		return w.Flush()
	}
	if err := answer(response{KnownCommands: []string{cmdGet, cmdClose}}); err != nil {
		return err
	}
	for requests := json.NewDecoder(in); ; {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("request of the go command: %w", err)
		}
		if err := answer(respond(r, find)); err != nil || r.Command == cmdClose {
			return err
		}
	}
}

func respond(r request, find func(digest.ID) (Entry, bool)) response {
	switch {
	case r.Command == cmdClose:
		return response{ID: r.ID}
	case r.Command != cmdGet:
		return response{ID: r.ID, Err: fmt.Sprintf("unknown command %.20q", r.Command)}
	case len(r.ActionID) != len(digest.ID{}):
		return response{ID: r.ID, Err: fmt.Sprintf("action ID of %d bytes", len(r.ActionID))}
	}
	e, ok := find(digest.ID(r.ActionID))
	if !ok {
		return response{ID: r.ID, Miss: true}
	}
	return response{ID: r.ID, OutputID: e.Output[:], Size: e.Size, Time: &e.Time, DiskPath: e.File}
}
