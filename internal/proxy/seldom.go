package proxy

import (
	"sync"
	"time"
)

// seldomTime is how often the log says that the same thing fails.
const seldomTime = time.Minute

// Seldom keeps lines of the log few that would come with each request: a store or a disk that fails
// fails all of them. The zero value is ready. Safe for concurrent use.
type Seldom struct {
	mu   sync.Mutex
	last map[string]*said
}

type said struct {
	at time.Time
	n  int // since then
}

// Allow reports whether a line about something may be written, and for how many times it stands.
func (s *Seldom) Allow(about string) (times int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]*said{}
	}
	l := s.last[about]
	if l == nil {
		l = &said{}
		s.last[about] = l
	}
	l.n++
	now := time.Now()
	if now.Sub(l.at) < seldomTime {
		return 0, false
	}
	times, l.at, l.n = l.n, now, 0
	return times, true
}
