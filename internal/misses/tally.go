package misses

import (
	"cmp"
	"slices"
	"strings"
)

// maxExamples bounds how many packages are named for a cause.
const maxExamples = 5

// A tally counts causes, by their ingredients.
type tally map[string]*Cause

// count adds a package to a cause, and returns what the tally has of that. Of causes with one
// ingredient, the first that names the difference says what it is.
func (t tally) count(c Cause, pkg string) *Cause {
	have, ok := t[c.Ingredient]
	if !ok {
		have = &c
		t[c.Ingredient] = have
	} else if c.named && !have.named {
		have.Evidence, have.Remedy, have.Inputs, have.named = c.Evidence, c.Remedy, c.Inputs, true
	}
	have.Packages++
	if len(have.Examples) < maxExamples && !slices.Contains(have.Examples, pkg) {
		have.Examples = append(have.Examples, pkg)
	}
	return have
}

// sorted returns the causes, those of most packages first.
func (t tally) sorted() (list []Cause) {
	for _, c := range t {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Packages+b.Behind, a.Packages+a.Behind), strings.Compare(a.Ingredient, b.Ingredient))
	})
	return list
}
