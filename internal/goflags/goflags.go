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

// Parse splits the value of GOFLAGS. What is no flag is left out, as by `go env`; all other go
// commands refuse it. The error is that of a quote without an end, after which the go command reads
// no flag at all.
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

// String returns the value of a flag that takes one: that of the last of its name, "" if there is
// none.
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

// Bool returns the value of a switch. One that the go command refuses changes nothing.
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

// split is quoted.Split: quotes count only where an element begins, and there is no escaping.
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
