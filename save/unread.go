package save

import "fmt"

// shownUnread bounds how many directories are named that cannot be read: a cache of another user has hundreds.
const shownUnread = 3

// warnUnread says which directories of a cache could not be read. What is stored of them stays as it is, and ages.
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
