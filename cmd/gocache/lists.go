package main

import (
	"strings"

	"github.com/org/gocache-action/keys"
)

// patterns is a flag value that names module files. It can be given more than once, and have
// several patterns with commas or line ends between them, as in the inputs of CI systems.
type patterns []string

func (p *patterns) Type() string   { return "patterns" }
func (p *patterns) String() string { return strings.Join(*p, ",") }

// Set implements pflag.Value.
func (p *patterns) Set(s string) error {
	for _, item := range splitList(s) {
		clean, err := keys.CleanPattern(item)
		if err != nil {
			return err
		}
		*p = append(*p, clean)
	}
	return nil
}

// splitList cuts a list at line ends and at commas that are not within braces, and drops what is
// empty.
func splitList(s string) (list []string) {
	depth := 0
	items := strings.FieldsFunc(s, func(c rune) bool {
		switch c {
		case '{':
			depth++
		case '}':
			depth = max(0, depth-1)
		}
		return c == '\n' || c == '\r' || c == ',' && depth == 0
	})
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
