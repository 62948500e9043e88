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

// How often a request is sent when it stalls, that is when nothing moves for the stall time. A
// server that is short of memory, disk or cores can leave single connections waiting while it
// serves others, and a device on the way can forget one: then an upload is worth another
// connection. With a server that is gone it is not, since each attempt costs the stall time again.
// So a request that writes is sent at most three times, and only twice if the server has answered
// no request at all meanwhile.
//
// Stalled reads are not sent again: by then, the job could have compiled what it waits for.
const (
	stalledSends     = 3 // if the server answers other requests
	stalledSendsDead = 2 // if it does not

	pauseBetween = 200 * time.Millisecond // upper bound of the pause between the first two attempts
)

// pulse records when the server last answered.
type pulse struct{ at atomic.Int64 } // nanoseconds since 1970

func (p *pulse) beat() { p.at.Store(time.Now().UnixNano()) }

// since reports whether the server answered after a time.
func (p *pulse) since(t time.Time) bool { return p.at.Load() > t.UnixNano() }

// stalled marks the error of a stalled request as final, unless the request may be sent again.
// began is when it was sent. Other errors are returned as they are.
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

// attemptNumber reads "attempt=2; max=5". A request without a count counts as the last attempt.
func attemptNumber(header string) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(header, "attempt="), ";")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return stalledSends
}
