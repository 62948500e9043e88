package upstream

import (
	"context"
	"errors"
	"io"
	"time"
)

var errTooLong = errors.New("more bytes than a module may have")

// errStalled is a timeout.
var errStalled error = stalled{}

type stalled struct{}

func (stalled) Error() string { return "nothing arrives any more" }
func (stalled) Timeout() bool { return true }

// guarded is a body that ends with an error when it is too long, or when it stands still.
type guarded struct {
	r     io.Reader
	left  int64
	wait  time.Duration
	timer *time.Timer
}

// newGuarded watches a body until stop is called. end ends its request.
func newGuarded(r io.Reader, limit int64, wait time.Duration, end context.CancelCauseFunc) *guarded {
	return &guarded{r: r, left: limit, wait: wait, timer: time.AfterFunc(wait, func() { end(errStalled) })}
}

func (g *guarded) Read(p []byte) (int, error) {
	if int64(len(p)) > g.left+1 {
		p = p[:g.left+1]
	}
	n, err := g.r.Read(p)
	if n > 0 {
		g.timer.Reset(g.wait)
	}
	if g.left -= int64(n); g.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

func (g *guarded) stop() { g.timer.Stop() }
