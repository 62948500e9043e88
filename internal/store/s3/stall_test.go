package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// starved puts a proxy in front of the gateway that never answers the first n requests of each
// kind, like a server without memory for them. With perform, it does what they ask for first. kind
// returns the kind of a request, or "" for those that are answered.
func starved(t *testing.T, g *storetest.Server, n int, perform bool, kind func(*http.Request) string) s3.Options {
	t.Helper()
	forward := proxy(t, g, func(*http.Request) verdict { return pass })
	seen := map[string]int{}
	var mu sync.Mutex
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k := kind(r)
		mu.Lock()
		seen[k]++
		leave := k != "" && seen[k] <= n
		mu.Unlock()
		if !leave {
			forward.ServeHTTP(w, r)
			return
		}
		if perform {
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		<-ended
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	o := options(g, newBucket(t, g))
	o.Endpoint, o.StallTimeout = server.URL, stall
	return o
}

func isPart(r *http.Request) string { return r.URL.Query().Get("partNumber") }

func isWrite(r *http.Request) string {
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		return r.Method + r.URL.RawQuery
	}
	return ""
}

// TestStalledUpload: requests that write are sent again, on another connection.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	data := storetest.Content(1, 12<<20)
	ctx := context.Background()
	for name, c := range map[string]struct {
		n       int
		perform bool
		kind    func(*http.Request) string
		size    int
		cond    store.Condition
	}{
		"all parts":                       {1, false, isPart, len(data), store.Condition{}},
		"two parts twice":                 {2, false, func(r *http.Request) string { return strings.Trim(isPart(r), "3") }, len(data), store.Condition{}},
		"creation, parts and completion":  {1, false, isWrite, len(data), store.Condition{IfAbsent: true}},
		"a small object":                  {1, false, isWrite, 1000, store.Condition{IfAbsent: true}},
		"a small object that was written": {1, true, isWrite, 1000, store.Condition{IfAbsent: true}},
		"completion that was performed": {1, true, func(r *http.Request) string {
			if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
				return "complete"
			}
			return ""
		}, len(data), store.Condition{IfAbsent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, starved(t, g, c.n, c.perform, c.kind))
			if c.n > 1 { // a third attempt is made only where others are served
				defer meanwhile(s)()
			}
			if _, err := s.Put(ctx, "x", bytes.NewReader(data[:c.size]), int64(c.size), c.cond); err != nil {
				t.Fatal(err)
			}
			got, _, err := store.Get(ctx, s, "x", 1<<30)
			if err != nil || !bytes.Equal(got, data[:c.size]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// meanwhile asks a store for something else again and again, until the function that it returns is
// called.
func meanwhile(s store.Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			s.Stat(ctx, "y")
			time.Sleep(stall / 10)
		}
	}()
	return func() { cancel(); <-done }
}

// TestStalledForGood: an upload that never moves ends after three times the stall time if the
// server answers others; one that is cancelled ends at once.
func TestStalledForGood(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	data := storetest.Content(1, 12<<20)
	s := openStore(t, starved(t, g, 99, false, func(r *http.Request) string { return strings.Trim(isPart(r), "12") }))
	served := meanwhile(s)
	within(t, "a part", 3, func() error {
		_, err := s.Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), store.Condition{})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("nothing moved for %v, in attempt 3", stall)) {
			t.Errorf("%v", err)
		}
		return err
	})
	served()
	ctx, cancel := context.WithTimeout(context.Background(), stall*3/2)
	defer cancel()
	start := time.Now()
	_, err := s.Put(ctx, "x", io.LimitReader(bytes.NewReader(data), int64(len(data))), -1, store.Condition{})
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > stall*2+5*time.Second {
		t.Errorf("cancelled: %v after %v", err, took)
	}
}
