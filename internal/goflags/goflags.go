// Package goflags reads GOFLAGS as the go command does (cmd/go/internal/base/goflags.go and
// cmd/internal/quoted of go1.26): elements may be quoted as a whole, flags have one dash or two,
// and the last of a name counts.
package goflags

import (
	"fmt"
	"strconv"
	"strings"
)

// A Flag is one element of GOFLAGS.
type Flag struct {
	Name     string // without dashes
	Value    string
	HasValue bool // there is a "=", so that -x= differs from -x
}

// Parse splits the value of GOFLAGS. Elements that are not flags are left out, as `go env` does;
// all other go commands reject them. The error is an unterminated quote, with which the go command
// reads no flag at all.
func Parse(goflags string) ([]Flag, error) {
	words, err := split(goflags)
	if err != nil {
		return nil, err
	}
	var list []Flag
	for _, w := range words {
		name, ok := strings.CutPrefix(w, "-")
		name = strings.TrimPrefix(name, "-")
		if !ok || name == "" || name[0] == '-' || name[0] == '=' {
			continue
		}
		f := Flag{}
		f.Name, f.Value, f.HasValue = strings.Cut(name, "=")
		list = append(list, f)
	}
	return list, nil
}

// String returns the value of the last flag of this name, or "" if there is none.
func String(goflags, name string) string {
	value := ""
	list, _ := Parse(goflags)
	for _, f := range list {
		if f.Name == name && f.HasValue {
			value = f.Value
		}
	}
	return value
}

// Bool returns the value of a boolean flag. A value that the go command rejects is ignored.
func Bool(goflags, name string) bool {
	on := false
	list, _ := Parse(goflags)
	for _, f := range list {
		if f.Name != name {
			continue
		}
		if !f.HasValue {
			on = true
		} else if v, err := strconv.ParseBool(f.Value); err == nil {
			on = v
		}
	}
	return on
}

// split does what quoted.Split does: quotes count only at the beginning of an element, and there is
// no escaping.
func split(s string) (words []string, err error) {
	const space = " \t\n\r"
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		if quote := s[0]; quote == '"' || quote == '\'' {
			word, rest, ok := strings.Cut(s[1:], string(quote))
			if !ok {
				return nil, fmt.Errorf("GOFLAGS: unterminated %c string", quote)
			}
			words, s = append(words, word), rest
			continue
		}
		end := strings.IndexAny(s, space)
		if end < 0 {
			end = len(s)
		}
		words, s = append(words, s[:end]), s[end:]
	}
	return words, nil
}
