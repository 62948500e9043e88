package stats

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
)

// shownUnread is how many of the places that cannot be read a warning names.
const shownUnread = 3

// unread collects what cannot be read of a cache. The same place may be met several times.
type unread struct {
	places []string
	denied bool // some belong to another user
	seen   map[string]bool
}

func (u *unread) add(err error) {
	place, why := err.Error(), ""
	var p *fs.PathError
	if errors.As(err, &p) {
		place, why = p.Path, " ("+p.Err.Error()+")"
	}
	if u.seen[place] {
		return
	}
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	u.seen[place] = true
	u.places = append(u.places, place+why)
	u.denied = u.denied || errors.Is(err, fs.ErrPermission)
}

// warnings are one at most, which says what can be done.
func (u *unread) warnings(cache string) []string {
	n := len(u.places)
	if n == 0 {
		return nil
	}
	shown := strings.Join(u.places[:min(n, shownUnread)], ", ")
	if n > shownUnread {
		shown += fmt.Sprintf(", and %s more", quantity.Count(n-shownUnread))
	}
	text := fmt.Sprintf("%s: %s could not be read, so that the figures are too low: %s", cache, quantity.Counted(n, "place"), shown)
	if u.denied {
		text += "; 'gocache doctor --check permissions' says what helps"
	}
	return []string{text}
}
