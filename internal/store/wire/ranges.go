package wire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/store"
)

// RangeHeader is the header for length bytes from off on, as Store.Open has them; "" for the whole
// object.
func RangeHeader(off, length int64) string {
	switch {
	case length > 0:
		end, _ := store.End(off, length, 0)
		return RangeUpTo(off, end)
	case off > 0:
		return fmt.Sprintf("bytes=%d-", off)
	}
	return ""
}

// RangeUpTo is the header for the bytes from off on that come before end.
func RangeUpTo(off, end int64) string { return fmt.Sprintf("bytes=%d-%d", off, end-1) }

// TotalSize reads a Content-Range, "bytes first-last/total", which must begin at first.
func TotalSize(contentRange string, first int64) (total int64, ok bool) {
	rest, ok := strings.CutPrefix(contentRange, "bytes "+strconv.FormatInt(first, 10)+"-")
	_, text, ok2 := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || !ok2 || err != nil || n < first {
		return 0, false
	}
	return n, true
}

// A Resumption decides how often a body that ended early is asked for again. The zero value is
// ready. It is for one goroutine.
type Resumption struct {
	inRow    int   // without much progress
	progress int64 // bytes since the last break
}

// enoughProgress is how many bytes make a connection count as good again, so that one that breaks
// every few bytes does not go on for ever.
const enoughProgress = 1 << 20

// Moved counts bytes that came.
func (r *Resumption) Moved(n int) { r.progress += int64(n) }

// Worth reports whether to ask again after err, where most attempts are made in a row. A stall is
// not worth it: it has already taken the time that the caller allows for no progress.
func (r *Resumption) Worth(err error, most int) bool {
	if r.progress >= enoughProgress {
		r.inRow = 0
	}
	r.progress = 0
	r.inRow++
	var e *Error
	return !(errors.As(err, &e) && e.Final) && r.inRow < most
}

// Pause waits before the next attempt, and reports whether ctx lasted.
func (r *Resumption) Pause(ctx context.Context) bool { return store.Sleep(ctx, Backoff(r.inRow)) }
