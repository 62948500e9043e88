package save

import (
	"fmt"
	"slices"
)

// shownUnread bounds how many directories are named that cannot be read: a cache of another user
// has hundreds.
const shownUnread = 3

// warnUnread says which directories of a cache could not be read. What is stored of them stays as
// it is, and ages.
func warnUnread(t *tally, cache string, unread []error) {
	for i, err := range unread {
		if i == shownUnread {
			t.warn("and %d more directories of the %s", len(unread)-i, cache)
			return
		}
		t.warn("%s: what lies there is not saved: %v", cache, err)
	}
}

// addUnread collects what a scan of the module cache could not read.
func (r *run) addUnread(name string, err error) {
	r.tally.add(func(*Result) { r.unread = append(r.unread, fmt.Errorf("%s: %w", name, err)) })
}

// warnMoreUnread says what a later scan could not read, beyond the first n and not among them.
func (r *run) warnMoreUnread(n int) {
	known := map[string]bool{}
	for _, err := range r.unread[:n] {
		known[err.Error()] = true
	}
	warnUnread(&r.tally, "module cache", slices.DeleteFunc(slices.Clone(r.unread[n:]), func(err error) bool { return known[err.Error()] }))
}
