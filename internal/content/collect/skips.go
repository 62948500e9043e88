package collect

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/quantity"
)

// Skips collects what of a cache is not saved, since it cannot be read or is not fit to be stored.
// Files of another user, and files that something removes meanwhile, come in thousands: each of
// these two causes makes one warning. Safe for concurrent use: mu guards the lists.
type Skips struct {
	cache, dir string

	mu                  sync.Mutex
	denied, gone, other []skip
}

// skip is something that is not saved.
type skip struct {
	noun string // as for quantity.Counted
	what string // such as "module x@v1.0.0"; "": reason names it
	why  string
}

// NewSkips returns an empty collection of a cache, which is called that and lies in dir.
func NewSkips(cache, dir string) *Skips { return &Skips{cache: cache, dir: dir} }

// Add adds something of a kind, such as "file". If what is "", the error names it.
func (s *Skips) Add(noun, what string, err error) {
	one := skip{noun, what, strings.TrimPrefix(err.Error(), what+": ")}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrPermission):
		s.denied = append(s.denied, one)
	case errors.Is(err, fs.ErrNotExist):
		s.gone = append(s.gone, one)
	default:
		s.other = append(s.other, one)
	}
}

// shownSkips is how many are named that have a cause of their own.
const shownSkips = 3

// Warn says what was added, and forgets it. What is stored of it stays as it is, and ages.
func (s *Skips) Warn(warn Warn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.denied) > 0 {
		warn("not saved: %s of the %s that this user may not read, such as %s; run all steps of the job as one user, or change the owner of %s",
			counted(s.denied), s.cache, s.denied[0], s.dir)
	}
	if len(s.gone) > 0 {
		warn("not saved: %s of the %s that something has removed meanwhile, such as %s", counted(s.gone), s.cache, s.gone[0])
	}
	for i, one := range s.other {
		switch {
		case i == shownSkips:
			warn("and %s of the %s", counted(more(s.other[i:])), s.cache)
		case i > shownSkips:
		case one.what == "":
			warn("%s: what lies there is not saved: %s", s.cache, one.why)
		default:
			warn("%s is not saved: %s", one.what, one.why)
		}
	}
	s.denied, s.gone, s.other = nil, nil, nil
}

// String is the example in a sum of them.
func (s skip) String() string { return cmp.Or(s.what, s.why) }

// more calls them further ones.
func more(list []skip) (further []skip) {
	for _, s := range list {
		further = append(further, skip{noun: "more " + s.noun})
	}
	return further
}

// counted says how many there are of each kind, in the order in which they appear.
func counted(list []skip) string {
	n := map[string]int{}
	var nouns, parts []string
	for _, s := range list {
		if n[s.noun]++; n[s.noun] == 1 {
			nouns = append(nouns, s.noun)
		}
	}
	for _, noun := range nouns {
		parts = append(parts, quantity.Counted(n[noun], noun))
	}
	return strings.Join(parts, " and ")
}
