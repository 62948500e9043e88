package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkName refuses what can be no name of anything: it would be shown, compared or stored as
// something else. An empty one stands for what is not given. what says whose name it is, such as
// --name.
func checkName(what, name string) error {
	switch {
	case name == "":
		return nil
	case !utf8.ValidString(name):
		return usage("invalid value %q for %s: it is not UTF-8", name, what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return usage("invalid value %q for %s: it has control characters", name, what)
	case strings.TrimSpace(name) == "":
		return usage("invalid value %q for %s: it has nothing but spaces", name, what)
	}
	return nil
}

// check refuses an identity that cannot be stored, wherever it comes from: flags, the CI system, or
// git.
func (id identity) check() error {
	for _, n := range []struct{ what, name string }{
		{"--name", id.Name}, {"--repo", id.Repo}, {"--scope", id.Scope},
		{"--base-scope", id.BaseScope}, {"--default-scope", id.DefaultScope},
	} {
		if err := checkName(n.what, n.name); err != nil {
			return err
		}
	}
	return nil
}
