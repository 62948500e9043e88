package s3_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestRetries: a request that breaks or is throttled twice succeeds at the third attempt.
func TestRetries(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	large := 12 << 20
	for _, c := range []struct {
		name          string
		method, query string
		v             verdict
		size          int
		cond          store.Condition
	}{
		{"slow down get", "GET", "", slowDown, 100, store.Condition{}},
		{"slow down put", "PUT", "", slowDown, 100, store.Condition{}},
		{"slow down part", "PUT", "partNumber", slowDown, large, store.Condition{}},
		{"slow down create", "POST", "uploads", slowDown, large, store.Condition{}},
		{"slow down complete", "POST", "uploadId", slowDown, large, store.Condition{}},
		{"reset get", "GET", "", reset, 100, store.Condition{}},
		{"reset head", "HEAD", "", reset, 100, store.Condition{}},
		{"reset put", "PUT", "", reset, large / 3, store.Condition{}},
		{"reset part", "PUT", "partNumber", reset, large, store.Condition{}},
		{"page for get", "GET", "", page, 100, store.Condition{}},
		{"page for head", "HEAD", "", page, 100, store.Condition{}},
		{"page for put", "PUT", "", page, 100, store.Condition{}},
		{"page for conditional put", "PUT", "", xhtml, 100, store.Condition{IfAbsent: true}},
		{"page for part", "PUT", "partNumber", page, large, store.Condition{}},
		{"page for create", "POST", "uploads", page, large, store.Condition{}},
		{"page for complete", "POST", "uploadId", page, large, store.Condition{}},
		{"lost put", "PUT", "", lose, 100, store.Condition{}},
		{"lost conditional put", "PUT", "", lose, 100, store.Condition{IfAbsent: true}},
		{"lost part", "PUT", "partNumber", lose, large, store.Condition{}},
		{"lost complete", "POST", "uploadId", lose, large, store.Condition{}},
		{"lost conditional complete", "POST", "uploadId", lose, large, store.Condition{IfAbsent: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openStore(t, between(t, g, first(2, c.method, c.query, c.v)))
			want := storetest.Content(1, c.size)
			wrote, err := s.Put(context.Background(), "x", bytes.NewReader(want), int64(c.size), c.cond)
			if err != nil {
				t.Fatal(err)
			}
			got, read, err := store.Get(context.Background(), s, "x", 1<<30)
			if err != nil || !bytes.Equal(got, want) || !read.Same(wrote) {
				t.Errorf("%d bytes, %v, %v, %v", len(got), wrote, read, err)
			}
			if stat, err := s.Stat(context.Background(), "x"); err != nil || !stat.Same(wrote) {
				t.Errorf("stat: %v, %v", stat, err)
			}
		})
	}
}

// TestLostIfMatch replaces an object while answers get lost: the second attempt finds the version
// that the first one wrote.
func TestLostIfMatch(t *testing.T) {
	g := gateway(t)
	for _, size := range []int{100, 12 << 20} {
		var on atomic.Bool
		var lost atomic.Int32
		s := openStore(t, between(t, g, func(r *http.Request) verdict {
			final := r.Method == "PUT" && !r.URL.Query().Has("partNumber") || r.Method == "POST" && r.URL.Query().Has("uploadId")
			if on.Load() && final && lost.Add(1) == 1 {
				return lose
			}
			return pass
		}))
		old, err := s.Put(context.Background(), "x", bytes.NewReader([]byte("old")), 3, store.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		on.Store(true)
		body := bytes.NewReader(storetest.Content(2, size))
		if _, err := s.Put(context.Background(), "x", body, int64(size), store.Condition{IfMatch: old.Version}); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestEarlyRefusal uses a server that answers 412 before it has read the body, so that the client
// often sees only a reset connection.
func TestEarlyRefusal(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	data := storetest.Content(1, storetest.PartSize)
	for _, v := range []verdict{refuse412, reset} {
		var on atomic.Bool
		s := openStore(t, between(t, g, func(r *http.Request) verdict {
			if on.Load() && r.Method == "PUT" {
				return v
			}
			return pass
		}))
		mustPut(t, s, "x", []byte("other"))
		on.Store(true)
		for _, cond := range []store.Condition{{IfAbsent: true}, {IfMatch: `"00000000000000000000000000000000"`}} {
			if _, err := s.Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), cond); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%v: %v", cond, err)
			}
		}
	}
}

// TestPortal: if something answers every request with a web page and status 200, nothing counts as
// stored, read or listed.
func TestPortal(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	for _, v := range []verdict{page, xhtml} {
		o := between(t, g, func(*http.Request) verdict { return v })
		o.MaxAttempts = 2
		s := openStore(t, o)
		eachFails(t, s, store.ErrUnreachable, "not that of an S3 server")
		for e, err := range s.List(context.Background(), "") {
			if !errors.Is(err, store.ErrUnreachable) {
				t.Errorf("list: %v, %v", e, err)
			}
		}
	}
	// If only the completion of an upload in parts is answered with a page, nothing was stored.
	s := openStore(t, between(t, g, first(10, "POST", "uploadId", xhtml)))
	if _, err := s.Put(context.Background(), "x", bytes.NewReader(make([]byte, 12<<20)), 12<<20, store.Condition{}); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("complete: %v", err)
	}
}

// soon checks that f fails within seconds with the error want, which names what.
func soon(t *testing.T, want error, what string, f func() error) {
	t.Helper()
	start := time.Now()
	err := f()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), what) {
		t.Errorf("got %v, want %v with %q", err, want, what)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	t.Log(time.Since(start).Round(time.Millisecond), err)
}

// eachFails checks that Open, Stat and both ways of Put fail.
func eachFails(t *testing.T, s store.Store, want error, what string) {
	t.Helper()
	ctx := context.Background()
	soon(t, want, what, func() error { _, _, err := s.Open(ctx, "x", 0, -1); return err })
	soon(t, want, what, func() error { _, err := s.Stat(ctx, "x"); return err })
	for _, n := range []int{10, storetest.PartSize + 1} {
		soon(t, want, what, func() error {
			_, err := s.Put(ctx, "x", bytes.NewReader(make([]byte, n)), int64(n), store.Condition{})
			return err
		})
	}
}

// total adds up all requests.
func total(s store.Store) (n int64) {
	for _, m := range s.Requests() {
		n += m
	}
	return n
}

func TestMissingBucket(t *testing.T) {
	g := gateway(t)
	s := openStore(t, options(g, "no-such-bucket"))
	eachFails(t, s, store.ErrNoStore, "no-such-bucket")
	if n := total(s); n > 5 { // four operations, and one request about the bucket
		t.Errorf("%d requests: %v", n, s.Requests())
	}
}

func TestWrongCredentials(t *testing.T) {
	g := gateway(t)
	o := options(g, newBucket(t, g))
	for env, value := range map[string]string{"AWS_SECRET_ACCESS_KEY": "wrong", "AWS_ACCESS_KEY_ID": "nobody"} {
		t.Run(env, func(t *testing.T) {
			t.Setenv(env, value)
			s := openStore(t, o)
			eachFails(t, s, store.ErrDenied, o.Bucket)
			if n := total(s); n > 4 {
				t.Errorf("%d requests: %v", n, s.Requests())
			}
		})
	}
}

// TestMissingCredentials: the metadata service of the instance accepts connections and never
// answers.
func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	o := options(g, newBucket(t, g))
	o.Instance = &s3.Instance{Endpoint: silent(t)}
	s := openStore(t, o)
	eachFails(t, s, store.ErrDenied, "no credentials")
	if n := s.Requests()["PUT"]; n != 0 || total(s) > 3 {
		t.Errorf("%d requests to write, %v in all", n, s.Requests())
	}
}

// silent returns the URL of a server that accepts connections and never answers.
func silent(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	o := options(g, "bucket")
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		o.Endpoint = "http://" + l.Addr().String()
		eachFails(t, openStore(t, o), store.ErrUnreachable, "refused")
	})
	t.Run("unknown name", func(t *testing.T) {
		o.Endpoint = "http://no-such-host.invalid"
		eachFails(t, openStore(t, o), store.ErrUnreachable, "no-such-host.invalid")
	})
	t.Run("silent", func(t *testing.T) {
		o.Endpoint = silent(t)
		o.StallTimeout = time.Second
		eachFails(t, openStore(t, o), store.ErrUnreachable, "nothing moved")
	})
	t.Run("not tls", func(t *testing.T) {
		o.Endpoint = "https://" + g.Addr
		eachFails(t, openStore(t, o), store.ErrUnreachable, "TLS")
	})
}

// TestTLS uses a server whose certificate is known only from AWS_CA_BUNDLE. In this case bodies are
// not signed, but have a checksum in a header, since many servers do not understand the SDK's
// trailers.
func TestTLS(t *testing.T) {
	g := gateway(t)
	var bodies atomic.Int32
	server := httptest.NewTLSServer(proxy(t, g, func(r *http.Request) verdict {
		if r.Method == "PUT" {
			bodies.Add(1)
			h := r.Header
			if h.Get("X-Amz-Content-Sha256") != "UNSIGNED-PAYLOAD" || h.Get("X-Amz-Checksum-Crc32c") == "" || h.Get("X-Amz-Trailer") != "" {
				t.Errorf("headers: %v", h)
			}
		}
		return pass
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, cert, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	o := options(g, newBucket(t, g))
	o.Endpoint = server.URL
	s := openStore(t, o)
	for _, n := range []int{10, 12 << 20} {
		want := storetest.Content(1, n)
		mustPut(t, s, "x", want)
		if got, _, err := store.Get(context.Background(), s, "x", 1<<30); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if bodies.Load() != 4 { // one small object and three parts
		t.Errorf("%d bodies", bodies.Load())
	}
}

// TestBadCertificate: a bad certificate is not retried, since it stays bad.
func TestBadCertificate(t *testing.T) {
	g := gateway(t)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	o := options(g, "bucket")
	o.Endpoint = server.URL
	s := openStore(t, o)
	soon(t, store.ErrUnreachable, "certificate", func() error { _, err := s.Stat(context.Background(), "x"); return err })
	if n := total(s); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]s3.Options{
		"no bucket":       {},
		"small parts":     {Bucket: "b", PartSize: 1 << 20},
		"no concurrency":  {Bucket: "b", Concurrency: -1},
		"no URL":          {Bucket: "b", Endpoint: "host:9000"},
		"secret endpoint": {Bucket: "b", Endpoint: "http://user:pass@host"},
	} {
		if _, err := s3.New(context.Background(), o); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoChecksums uses a server that refuses all headers about checksums, as Backblaze B2 does.
func TestNoChecksums(t *testing.T) {
	g := gateway(t)
	o := between(t, g, func(r *http.Request) verdict {
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Sdk-Checksum-Algorithm" || name == "X-Amz-Trailer" {
				t.Errorf("%s %s has %s", r.Method, r.URL, name)
			}
		}
		if sum := r.Header.Get("X-Amz-Content-Sha256"); r.Method == http.MethodPut && len(sum) != 64 {
			t.Errorf("%s %s: the body is not signed but %q", r.Method, r.URL, sum)
		}
		return pass
	})
	o.NoChecksums = true
	s := openStore(t, o)
	for name, size := range map[string]int{"small": 100, "parts": storetest.PartSize*2 + 1} {
		data := storetest.Content(1, size)
		mustPut(t, s, name, data)
		if got, _, err := store.Get(context.Background(), s, name, 1<<30); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := s.Touch(context.Background(), name); err != nil {
			t.Error(err)
		}
	}
	if failed := s.Delete(context.Background(), []string{"small", "parts"}); len(failed) > 0 {
		t.Error(failed)
	}
}
