// Package usage is the error for what a user has asked for and cannot have: a flag, a variable, an
// input or a URL that makes no sense. It is made where the mistake is found, so that nobody has to
// guess later from the text or the shape of an error. No flag turns such an error into a warning.
package usage

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is wrong usage.
type Error struct{ err error }

// Errorf makes an Error with the text, and the wrapped errors, of fmt.Errorf.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Wrap makes an error wrong usage. nil stays nil.
func Wrap(err error) error {
	if err == nil || Is(err) {
		return err
	}
	return &Error{err}
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Is reports whether an error is, or wraps, wrong usage.
func Is(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// CheckName refuses what cannot be the name of anything: it would be shown, compared or stored as
// something else. An empty name stands for one that was not given. what says whose name it is, such
// as --name.
func CheckName(what, name string) error {
	switch {
	case name == "":
		return nil
	case !utf8.ValidString(name):
		return Errorf("invalid value %q for %s: it is not UTF-8", name, what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return Errorf("invalid value %q for %s: it has control characters", name, what)
	case strings.TrimSpace(name) == "":
		return Errorf("invalid value %q for %s: it has nothing but spaces", name, what)
	}
	return nil
}
