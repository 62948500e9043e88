package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/store/web"
)

// object answers with data like a server that supports ranges and ETags.
func object(w http.ResponseWriter, r *http.Request, data []byte, tag string) {
	w.Header().Set("ETag", strconv.Quote(tag))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// TestAnswers: each answer is understood, and the request is sent the right number of times.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer   func(w http.ResponseWriter, r *http.Request)
		err      error
		requests int64
		text     string
	}{
		"absent":        {status(404), store.ErrNotFound, 1, "404"},
		"gone":          {status(410), store.ErrNotFound, 1, "410"},
		"forbidden":     {status(403), store.ErrHidden, 1, "no such object, or it is not public"},
		"unauthorized":  {status(401), store.ErrDenied, 1, "401"},
		"overloaded":    {status(503), store.ErrUnreachable, 5, "503"},
		"throttled":     {status(429), store.ErrUnreachable, 5, "429"},
		"gateway":       {status(504), store.ErrUnreachable, 5, "504"},
		"moved nowhere": {status(301), store.ErrMoved, 1, "301"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<html>please log in")
		}, store.ErrUnreachable, 5, "a web page"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write([]byte("data"))
			z.Close()
		}, store.ErrUnsupported, 1, "content-encoding"},
		"another range": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-3/100")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "data")
		}, store.ErrUnsupported, 1, "content-range"},
		"no size": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "data")
		}, store.ErrUnsupported, 1, "how large"},
		"in circles": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, store.ErrUnreachable, 6, "more than 5 times"},
		"with a user": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://user:sesame@"+r.Host+r.URL.Path, http.StatusFound)
		}, store.ErrUnreachable, 1, "with a user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, serve(t, http.HandlerFunc(c.answer)))
			_, _, err := s.Open(context.Background(), "a/b", 5, 10)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "a/b") || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v, want %v and %q", err, c.err, c.text)
			}
			if n := s.Requests()["GET"]; n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TestForbiddenIsAbsent: after an object could be read, 403 means that another one does not exist,
// and a warning says so once.
func TestForbiddenIsAbsent(t *testing.T) {
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		object(w, r, []byte("one"), "1")
	})))
	ctx := context.Background()
	if _, _, err := s.Open(ctx, "b", 0, -1); !errors.Is(err, store.ErrHidden) || !errors.Is(err, store.ErrDenied) {
		t.Errorf("before: %v", err)
	}
	if _, _, err := store.Get(ctx, s, "a", 10); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := s.Open(ctx, "b", 0, -1); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDenied) {
			t.Errorf("after: %v", err)
		}
	}
	if notes := store.Notes(s); len(notes) != 1 || !strings.Contains(notes[0], "403") {
		t.Errorf("notes %q", notes)
	}
}

// TestRecovers: reads succeed although servers fail at first and bodies break off.
func TestRecovers(t *testing.T) {
	want := storetest.Content(1, 3<<20)
	var n atomic.Int64
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2, 3:
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(want)))
			if n.Load() == 3 { // the rest after the second answer
				object(&cutting{ResponseWriter: w, left: 1 << 20}, r, want, "1")
				return
			}
			w.Write(want[:1<<20])
			panic(http.ErrAbortHandler)
		default:
			object(w, r, want, "1")
		}
	})))
	got, info, err := store.Get(context.Background(), s, "a", 1<<30)
	if err != nil || !bytes.Equal(got, want) || info.Size != int64(len(want)) {
		t.Errorf("%d bytes of %d, %v", len(got), info.Size, err)
	}
	if n.Load() != 4 {
		t.Errorf("%d requests", n.Load())
	}
}

// cutting breaks a connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// TestReplacedMeanwhile: two versions are never joined.
func TestReplacedMeanwhile(t *testing.T) {
	var n atomic.Int64
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			object(&cutting{ResponseWriter: w, left: 100}, r, bytes.Repeat([]byte("a"), 1000), "1")
			return
		}
		object(w, r, bytes.Repeat([]byte("b"), 1000), "2")
	})))
	if _, _, err := store.Get(context.Background(), s, "a", 1<<30); !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v", err)
	}
}

// TestStall: a server that stalls is given up after a single stall time.
func TestStall(t *testing.T) {
	for _, after := range []int{0, 100} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if after > 0 {
					w.Header().Set("Content-Length", "1000")
					w.Write(make([]byte, after))
					w.(http.Flusher).Flush()
				}
				<-release
			}))
			defer server.Close()
			defer close(release)
			u, _ := url.Parse(server.URL)
			s, err := web.New(web.Options{URL: u, StallTimeout: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, _, err = store.Get(context.Background(), s, "a", 1<<30)
			if !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), "nothing moved") {
				t.Errorf("%v", err)
			}
			if took := time.Since(start); took > 10*time.Second || s.Requests()["GET"] != 1 {
				t.Errorf("%v, %v", took, s.Requests())
			}
		})
	}
}

// TestDowngrade: a request over https is never answered over http.
func TestDowngrade(t *testing.T) {
	var asked atomic.Int64
	plain := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); object(w, r, []byte("evil"), "1") }))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain+r.URL.Path, http.StatusFound) }))
	defer secure.Close()
	u, _ := url.Parse(secure.URL)
	s, err := web.New(web.Options{URL: u, Transport: secure.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Open(context.Background(), "a", 0, -1)
	if !errors.Is(err, store.ErrMoved) || !strings.Contains(err.Error(), "from https to http") || asked.Load() != 0 {
		t.Errorf("%v, after %d requests in the clear", err, asked.Load())
	}
}

// TestInsecureRedirect: http is allowed to this machine, and redirects from there to others only
// with ?insecure=true.
func TestInsecureRedirect(t *testing.T) {
	for host, local := range map[string]bool{"cdn.example.com": false, "192.0.2.1": false, "localhost": true, "127.0.0.2": true} {
		for _, insecure := range []bool{false, true} {
			var asked atomic.Int64
			u := &url.URL{Scheme: "http", Host: "127.0.0.1:80"}
			s, err := web.New(web.Options{URL: u, Insecure: insecure, Transport: answers(func(r *http.Request) *http.Response {
				w := httptest.NewRecorder()
				if r.URL.Hostname() == host {
					asked.Add(1)
					object(w, r, []byte("one"), "1")
				} else {
					http.Redirect(w, r, "http://"+host+r.URL.Path, http.StatusFound)
				}
				return w.Result()
			})})
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := store.Get(t.Context(), s, "a", 100)
			if local || insecure {
				if err != nil || string(got) != "one" {
					t.Errorf("%s, insecure %v: %q, %v", host, insecure, got, err)
				}
			} else if !errors.Is(err, store.ErrMoved) || !strings.Contains(err.Error(), "insecure=true") || asked.Load() != 0 {
				t.Errorf("%s: %v, after %d requests", host, err, asked.Load())
			}
		}
	}
}

// answers is a transport without a network.
type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

// TestNoHead: servers that support only GET report the size as well.
func TestNoHead(t *testing.T) {
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("accept-encoding %q", r.Header.Get("Accept-Encoding"))
		}
		object(w, r, []byte("one"), "1")
	})))
	info, err := s.Stat(context.Background(), "a")
	if err != nil || info.Size != 3 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestReadOnly: no request is sent for an operation that cannot succeed.
func TestReadOnly(t *testing.T) {
	s := open(t, "http://127.0.0.1:1/x")
	if err := store.Writable(context.Background(), s); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("writable: %v", err)
	}
	if _, err := s.Put(context.Background(), "a", strings.NewReader(""), 0, store.Condition{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("put: %v", err)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("requests %v", s.Requests())
	}
}

// TestRefused: there is no server at all.
func TestRefused(t *testing.T) {
	s := open(t, "http://127.0.0.1:1/x")
	if _, _, err := s.Open(context.Background(), "a", 0, -1); !errors.Is(err, store.ErrUnreachable) || strings.Count(err.Error(), "127.0.0.1:1/x") != 1 {
		t.Errorf("%v", err)
	}
}
