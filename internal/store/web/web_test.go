package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/store/web"
)

// published is a store that is written at its origin and read through a web server.
type published struct {
	*web.Store
	origin store.Store
}

// Put returns the version that readers see, since the origin has other versions.
func (p published) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if _, err := p.origin.Put(ctx, name, body, size, cond); err != nil {
		return store.Info{}, err
	}
	return p.Stat(ctx, name)
}

func open(t testing.TB, address string) *web.Store {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := web.New(web.Options{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// tagged gives files ETags, as most servers do.
func tagged(root string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(root, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			h.ServeHTTP(w, r)
			return
		}
		defer f.Close()
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(fi.ModTime().UnixNano(), 36)))
			http.ServeContent(w, r, "", fi.ModTime(), f) // of the file that the tag belongs to
			return
		}
		h.ServeHTTP(w, r)
	})
}

// withoutRanges is a server that ignores Range, as some proxies do.
func withoutRanges(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		h.ServeHTTP(w, r)
	})
}

// redirecting is a CDN that keeps objects on another host, and has the names of the store elsewhere
// than at its root.
func redirecting(t testing.TB, h http.Handler) http.Handler {
	elsewhere := serve(t, h)
	return http.StripPrefix("/some/prefix", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+r.URL.EscapedPath()+"?signature=x", http.StatusFound)
	}))
}

// TestReads runs the suite of all stores against a directory store behind the file server of
// net/http, with several variations.
func TestReads(t *testing.T) {
	for name, front := range map[string]func(t *testing.T, root string) string{
		"files": func(t *testing.T, root string) string { return serve(t, http.FileServer(http.Dir(root))) },
		"etags": func(t *testing.T, root string) string { return serve(t, tagged(root, http.FileServer(http.Dir(root)))) },
		"without ranges": func(t *testing.T, root string) string {
			return serve(t, withoutRanges(tagged(root, http.FileServer(http.Dir(root)))))
		},
		"behind redirects": func(t *testing.T, root string) string {
			return serve(t, redirecting(t, http.FileServer(http.Dir(root)))) + "/some/prefix/"
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunReads(t, func(t *testing.T) store.Store {
				root := t.TempDir()
				origin, err := dir.Open(root)
				if err != nil {
					t.Fatal(err)
				}
				return published{open(t, front(t, root)), origin}
			})
		})
	}
}

// TestPublicBucket runs the same suite against a real S3 server, with a bucket that everybody may
// read.
func TestPublicBucket(t *testing.T) {
	g := storetest.Gateway(t)
	g.Setenv(t)
	n := 0
	storetest.RunReads(t, func(t *testing.T) store.Store {
		n++
		bucket := "public-" + strconv.Itoa(n)
		g.Bucket(t, bucket)
		s3test.MakePublic(t, g, bucket, false)
		origin, err := s3.New(t.Context(), s3.Options{Bucket: bucket, Prefix: "pre/fix", Endpoint: g.Endpoint, PathStyle: true, PartSize: storetest.PartSize})
		if err != nil {
			t.Fatal(err)
		}
		return published{open(t, g.Endpoint+"/"+bucket+"/pre/fix"), origin}
	})
}
