package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/org/gocache-action/internal/store"
)

// ErrRange: the server answered 416, so the range begins after the last byte.
var ErrRange = errors.New("range not satisfiable")

// Answer is an error that says in one line what a server answered.
type Answer struct {
	Sentinel error // of package store, or ErrRange; nil: none fits
	Status   int
	Code     string // the server's name for the error; may be empty
	Message  string // may be empty
}

func (a *Answer) Error() string {
	text := ""
	switch {
	case a.Sentinel == store.ErrHidden: // the message says that the object may not exist, either
		text = store.ErrDenied.Error() + ": "
	case a.Sentinel != nil:
		text = a.Sentinel.Error() + ": "
	}
	text += fmt.Sprintf("http %d", a.Status)
	if a.Code != "" {
		text += " " + a.Code
	}
	switch {
	case a.Message != "":
		text += ": " + a.Message
	case a.Code == "":
		text += " " + http.StatusText(a.Status)
	}
	return strings.TrimSpace(text)
}

// Is makes an error that is hidden denied, too: see store.ErrHidden.
func (a *Answer) Is(target error) bool {
	return a.Sentinel != nil && (target == a.Sentinel || a.Sentinel == store.ErrHidden && target == store.ErrDenied)
}

// Temporary reports whether the request may succeed if it is sent again.
func (a *Answer) Temporary() bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Meaning returns what a status says if the code of an answer says no more; nil: nothing.
func Meaning(status int) error {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return store.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return store.ErrDenied
	case http.StatusPreconditionFailed, http.StatusNotModified:
		return store.ErrConflict
	case http.StatusRequestedRangeNotSatisfiable:
		return ErrRange
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return store.ErrUnsupported
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return store.ErrUnreachable
	}
	switch status / 100 {
	case 5:
		return store.ErrUnreachable
	case 3:
		return store.ErrMoved
	}
	return nil
}

// maxLine is how many bytes of a message are shown.
const maxLine = 300

// Line returns the first line of what a server says, without control characters.
func Line(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "..."
	}
	return text
}
