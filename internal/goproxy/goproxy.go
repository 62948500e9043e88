// Package goproxy reads lists of module proxies as GOPROXY has them.
package goproxy

import "strings"

// An Element of a list.
type Element struct {
	Name     string // a URL, "direct" or "off"
	FallBack bool   // to the next after any error ("|"), not only where something is absent (",")
}

// Split reads a list. It does not look at what the names are.
func Split(list string) (out []Element) {
	for list != "" {
		name, rest, sep := list, "", byte(0)
		if i := strings.IndexAny(list, ",|"); i >= 0 {
			name, rest, sep = list[:i], list[i+1:], list[i]
		}
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, Element{name, sep == '|'})
		}
		list = rest
	}
	return out
}
