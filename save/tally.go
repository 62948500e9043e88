package save

import (
	"fmt"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/report"
)

// tally collects what the workers did. Safe for concurrent use.
type tally struct {
	mu   sync.Mutex
	res  Result
	said map[string]bool // the warnings: there can be one for each of very many files
}

func (t *tally) add(f func(*Result)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.res)
}

// warn records a warning, once.
func (t *tally) warn(format string, args ...any) {
	s := report.OneLine(fmt.Sprintf(format, args...))
	t.add(func(r *Result) {
		if t.said == nil {
			t.said = map[string]bool{}
		}
		if !t.said[s] {
			t.said[s] = true
			r.Warnings = append(r.Warnings, s)
		}
	})
}

func (t *tally) into(r *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.res
	c.Key, c.BytesUploaded, c.BytesRead, c.Seconds, c.Requests = r.Key, r.BytesUploaded, r.BytesRead, r.Seconds, r.Requests
	slices.Sort(c.Objects)
	*r = c
}
