package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// What is sent to the store again when nothing moved for the stall time. A server that is starved
// of memory, disk or cores lets single connections lie while it serves others, and a device on the
// way can forget one: an upload is worth another connection then. A server that is gone is not:
// each attempt costs the stall time once more. So a request that writes is sent three times at
// most, and only twice if the server has answered nothing at all meanwhile.
//
// Reads are not repeated: who waits for a restore could have compiled by then.
const (
	stalledSends     = 3 // with a sign of life
	stalledSendsDead = 2 // without

	pauseBetween = 200 * time.Millisecond // at most, between the first two
)

// pulse notes when the server answered last.
type pulse struct{ at atomic.Int64 } // nanoseconds since 1970

func (p *pulse) beat() { p.at.Store(time.Now().UnixNano()) }

// since reports whether the server answered after a time.
func (p *pulse) since(t time.Time) bool { return p.at.Load() > t.UnixNano() }

// stalled decides whether a request that stalled may be sent again. began is when it was sent.
func (t *transport) stalled(req *http.Request, began time.Time, err error) error {
	var ne *netError
	if !errors.As(err, &ne) || !ne.Stalled {
		return err
	}
	n := attemptNumber(req.Header.Get("Amz-Sdk-Request"))
	limit := stalledSendsDead
	if t.pulse.since(began.Add(-t.stall - pauseBetween)) { // in this attempt or the one before
		limit = stalledSends
	}
	again := (req.Method == http.MethodPut || req.Method == http.MethodPost) && n < limit
	if n > 1 {
		ne = &netError{Err: fmt.Errorf("%w, in attempt %d", ne.Err, n)}
	}
	return &netError{Err: ne.Err, Stalled: true, Final: !again}
}

// attemptNumber reads "attempt=2; max=5". Requests that nobody counts are not to be sent again.
func attemptNumber(header string) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(header, "attempt="), ";")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return stalledSends
}
