package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/org/gocache-action/internal/store/dir"
)

// learning makes the store learn between a request and its answer, as from a concurrent request,
// that the server shows a directory store.
type learning struct{ s *Store }

func (l *learning) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.URL.Path == "/"+dir.FilePath("aux") {
		w.Header().Set("Content-Length", "3")
		w.Write([]byte("one"))
	} else {
		l.s.asFiles.Store(true)
		w.WriteHeader(http.StatusNotFound)
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestFilesRace: a request that was sent before the store knew that names of files differ is sent
// again with the name of the file.
func TestFilesRace(t *testing.T) {
	l := new(learning)
	s, err := New(Options{URL: &url.URL{Scheme: "https", Host: "host"}, Transport: l})
	if err != nil {
		t.Fatal(err)
	}
	l.s = s
	r, _, err := s.Open(t.Context(), "aux", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}
