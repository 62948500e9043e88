package wire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/store"
)

// RangeHeader returns the header for length bytes from off, as in Store.Open; "" for the whole
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

// RangeUpTo returns the header for the bytes from off up to end, exclusive.
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
	inRow    int   // breaks in a row, without much progress between them
	progress int64 // bytes since the last break
}

// enoughProgress is how many bytes between two breaks reset the count, so that a transfer which
// breaks every few bytes does not go on for ever.
const enoughProgress = 1 << 20

// Moved counts bytes that arrived.
func (r *Resumption) Moved(n int) { r.progress += int64(n) }

// Worth reports whether to resume after err, with at most most attempts in a row. After a stall it
// does not: the stall has already taken as long as the caller allows.
func (r *Resumption) Worth(err error, most int) bool {
	if r.progress >= enoughProgress {
		r.inRow = 0
	}
	r.progress = 0
	r.inRow++
	var e *Error
	return !(errors.As(err, &e) && e.Final) && r.inRow < most
}

// Pause waits before the next attempt, and reports false if ctx ended first.
func (r *Resumption) Pause(ctx context.Context) bool { return store.Sleep(ctx, Backoff(r.inRow)) }
