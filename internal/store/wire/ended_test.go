package wire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// TestEnded: a request that its caller ends, before or during the answer, fails with the cause, and
// that is not a failure of the connection.
func TestEnded(t *testing.T) {
	for _, within := range []bool{false, true} {
		own := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if within {
				io.WriteString(w, "beginning")
				w.(http.Flusher).Flush()
			} else {
				cancel(own)
			}
			<-r.Context().Done()
		}))
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		resp, err := wire.New(wire.Options{Stall: time.Minute}).RoundTrip(req)
		if err == nil {
			if _, err := io.ReadFull(resp.Body, make([]byte, len("beginning"))); err != nil {
				t.Error(err)
			}
			time.AfterFunc(10*time.Millisecond, func() { cancel(own) }) // most likely while it is read
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, own) || !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnreachable) || (resp != nil) != within {
			t.Errorf("within the answer %t: %v", within, err)
		}
		server.Close()
	}
}
