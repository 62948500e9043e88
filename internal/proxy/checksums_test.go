package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestLyingDatabase: what a database did not sign is not believed, not stored, and not remembered.
func TestLyingDatabase(t *testing.T) {
	m := greet(t, "v1.0.0")
	for name, lie := range map[string]func(rw http.ResponseWriter, r *http.Request) bool{
		"a page": func(rw http.ResponseWriter, r *http.Request) bool {
			fmt.Fprint(rw, "<html>")
			return true
		},
		"tiles that are none": func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/tile/") {
				return false
			}
			rw.Write(make([]byte, 32))
			return true
		},
		"down": func(rw http.ResponseWriter, r *http.Request) bool {
			rw.WriteHeader(500)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := greet(t, "v1.0.1")
			w := newWorld(t, m, other).start(nil)
			w.want(200, strings.Replace(greetZip, ".zip", ".info", 1))
			w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
				return strings.HasPrefix(r.URL.Path, "/sumdb/") && !strings.HasSuffix(r.URL.Path, "/supported") && lie(rw, r)
			})
			const lookup = "sumdb/sum.example/lookup/example.com/!greet@v1.0.0"
			for _, path := range []string{greetZip, strings.Replace(greetZip, ".zip", ".mod", 1), lookup} {
				w.want(502, path)
			}
			w.settle()
			for _, name := range objects(t, w) {
				if strings.HasPrefix(name, "v2/sumdb/") || strings.HasPrefix(name, "v2/modules/") {
					t.Errorf("stored: %s", name)
				}
			}
			w.setAnswer(nil)
			w.start(nil) // what was only passed on is remembered for a moment
			if got := sumOf(t, w.want(200, greetZip)); got != m.sum {
				t.Errorf("afterwards: %s", got)
			}
			w.want(200, lookup)
		})
	}
}

// TestDatabaseKept: what the database has signed is asked for once, by all proxies of a store.
func TestDatabaseKept(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0")).start(nil)
	const lookup = "sumdb/sum.example/lookup/example.com/!greet@v1.0.0"
	w.want(200, lookup)
	n := w.requests("/lookup/")
	w.start(nil)
	w.want(200, lookup)
	if got := w.requests("/lookup/"); n != 1 || got != 1 {
		t.Errorf("%d requests, then %d", n, got)
	}
	w.want(404, "sumdb/sum.example/lookup/example.com/!greet@v1.0.9")
}
