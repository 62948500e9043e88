package checksumdb

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

const (
	goodSum = "h1:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	badSum  = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

var tool = module.Version{Path: "example.com/Tool", Version: "v1.0.0"}

// server is a database behind any path prefix. answer may answer a request first, and returns
// whether it did.
type server struct {
	*httptest.Server
	key    string
	answer func(w http.ResponseWriter, r *http.Request) bool

	mu    sync.Mutex
	paths []string
	kept  map[string][]byte // answers that are repeated, as a proxy does; nil: none
}

func newServer(t testing.TB, prefix string) *server {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "sum.example/db")
	if err != nil {
		t.Fatal(err)
	}
	db := sumdb.NewServer(sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		if !strings.HasPrefix(path, "example.com/") {
			return nil, os.ErrNotExist
		}
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, goodSum, path, version, goodSum), nil
	}))
	s := &server{key: public}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.URL.Path)
		s.mu.Unlock()
		if s.answer != nil && s.answer(w, r) {
			return
		}
		if r.URL.Path == prefix+"/supported" {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if data, ok := s.kept[r.URL.Path]; ok {
			w.Write(data)
			return
		}
		rec := httptest.NewRecorder()
		http.StripPrefix(prefix, db).ServeHTTP(rec, r)
		if s.kept != nil && strings.Contains(r.URL.Path, "/lookup/") {
			s.kept[r.URL.Path] = rec.Body.Bytes()
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}))
	t.Cleanup(s.Close)
	return s
}

// TestCheck: a database confirms a module, does not confirm it, or cannot be asked.
func TestCheck(t *testing.T) {
	direct := newServer(t, "")
	proxied := newServer(t, "/sumdb/sum.example/db")
	gone := httptest.NewServer(http.NotFoundHandler())
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) }))
	t.Cleanup(gone.Close)
	t.Cleanup(broken.Close)
	for name, c := range map[string]struct {
		o    Options
		v    module.Version
		sum  string
		want error
	}{
		"confirmed":                  {Options{GOSUMDB: direct.key + " " + direct.URL}, tool, goodSum, nil},
		"contradicted":               {Options{GOSUMDB: direct.key + " " + direct.URL}, tool, badSum, ErrRefused},
		"unknown":                    {Options{GOSUMDB: direct.key + " " + direct.URL}, module.Version{Path: "evil.example/x", Version: "v1.0.0"}, goodSum, ErrRefused},
		"another key":                {Options{GOSUMDB: proxied.key + " " + direct.URL}, tool, goodSum, ErrRefused},
		"by a proxy":                 {Options{GOSUMDB: proxied.key, GOPROXY: proxied.URL + ",direct"}, tool, goodSum, nil},
		"by the second proxy":        {Options{GOSUMDB: proxied.key, GOPROXY: gone.URL + "," + proxied.URL}, tool, goodSum, nil},
		"first proxy broken":         {Options{GOSUMDB: proxied.key, GOPROXY: broken.URL + "," + proxied.URL}, tool, goodSum, ErrUnavailable},
		"first proxy broken, or":     {Options{GOSUMDB: proxied.key, GOPROXY: broken.URL + "|" + proxied.URL}, tool, goodSum, nil},
		"GOSUMDB before proxies":     {Options{GOSUMDB: direct.key + " " + direct.URL, GOPROXY: broken.URL}, tool, goodSum, nil},
		"GOPROXY=off":                {Options{GOSUMDB: proxied.key, GOPROXY: "off"}, tool, goodSum, ErrUnavailable},
		"GOSUMDB=off":                {Options{GOSUMDB: "off"}, tool, goodSum, ErrUnavailable},
		"invalid":                    {Options{GOSUMDB: "x y z"}, tool, goodSum, ErrUnavailable},
		"excluded":                   {Options{GOSUMDB: direct.key + " " + direct.URL, GONOSUMDB: "*.org,example.com"}, tool, badSum, ErrNotCovered},
		"toolchains are never":       {Options{GOSUMDB: direct.key + " " + direct.URL, GONOSUMDB: "golang.org"}, module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go1.26.8.linux-amd64"}, goodSum, ErrRefused},
		"nobody at home":             {Options{GOSUMDB: direct.key + " http://127.0.0.1:1"}, tool, goodSum, ErrUnavailable},
		"a server that is no server": {Options{GOSUMDB: direct.key + " " + broken.URL}, tool, goodSum, ErrUnavailable},
	} {
		err := New(c.o).Session(t.Context(), "", nil).Check(c.v, c.sum, "")
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s := New(Options{GOSUMDB: direct.key + " " + direct.URL}).Session(t.Context(), "", nil)
	if err := s.Check(tool, goodSum, badSum); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "/go.mod") {
		t.Errorf("another go.mod: %v", err)
	}
}

// TestLookup: the hash that a database has, and that it says that it has none.
func TestLookup(t *testing.T) {
	srv := newServer(t, "")
	db := New(Options{GOSUMDB: srv.key + " " + srv.URL, GONOSUMDB: "corp.example"})
	s := db.Session(t.Context(), "", nil)
	if hash, err := s.Lookup(tool); hash != goodSum || err != nil {
		t.Errorf("%q, %v", hash, err)
	}
	_, err := s.Lookup(module.Version{Path: "evil.example/x", Version: "v1.0.0"})
	if !errors.Is(err, ErrUnknown) || !errors.Is(err, ErrRefused) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := s.Lookup(module.Version{Path: "corp.example/x", Version: "v1.0.0"}); !errors.Is(err, ErrNotCovered) {
		t.Errorf("private: %v", err)
	}
	srv.Close()
	if _, err := db.Session(t.Context(), "", nil).Lookup(tool); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) {
		t.Errorf("an outage: %v", err)
	}
}

// TestPasswordIsNotShown: the password in a proxy's URL is not shown.
func TestPasswordIsNotShown(t *testing.T) {
	err := New(Options{GOSUMDB: newServer(t, "").key, GOPROXY: "http://user:secret@127.0.0.1:1"}).Session(t.Context(), "", nil).Check(tool, goodSum, "")
	if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// TestKeptAnswers: an answer that was kept is not requested again, and an answer kept from another
// tree proves nothing.
func TestKeptAnswers(t *testing.T) {
	dir := t.TempDir()
	keep := func(name string, data []byte) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, data, 0o666)); err != nil {
			t.Error(err)
		}
	}
	srv := newServer(t, "")
	o := Options{GOSUMDB: srv.key + " " + srv.URL}
	if err := New(o).Session(t.Context(), dir, keep).Check(tool, goodSum, goodSum); err != nil {
		t.Fatal(err)
	}
	srv.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return true
	}
	asked := len(srv.paths)
	if err := New(o).Session(t.Context(), dir, keep).Check(tool, goodSum, goodSum); err != nil || len(srv.paths) != asked {
		t.Errorf("%v, %q", err, srv.paths[asked:])
	}
	if err := New(o).Session(t.Context(), dir, keep).Check(tool, badSum, ""); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	lookup := filepath.Join(dir, "sum.example", "db", "lookup", "example.com", "!tool@v1.0.0")
	data, err := os.ReadFile(lookup)
	if err != nil {
		t.Fatal(err)
	}
	keep("sum.example/db/lookup/example.com/!tool@v1.0.0", []byte(strings.ReplaceAll(string(data), goodSum, badSum)))
	if err := New(o).Session(t.Context(), dir, keep).Check(tool, badSum, ""); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a forged answer, and nobody to ask: %v", err)
	}
	srv.answer = nil
	if err := New(o).Session(t.Context(), dir, keep).Check(tool, badSum, ""); !errors.Is(err, ErrRefused) {
		t.Errorf("a forged answer, and a database: %v", err)
	}
}

// TestKeptUnderNewerTree: a proxy gives an old answer to a client that knows a newer tree. Such an
// answer can be proven only with the newer tree, so that must be kept as well, in whichever order
// the answers are used.
func TestKeptUnderNewerTree(t *testing.T) {
	srv := newServer(t, "")
	srv.kept = map[string][]byte{}
	o := Options{GOSUMDB: srv.key + " " + srv.URL}
	other := module.Version{Path: "example.com/other", Version: "v1.0.0"}
	// the proxy gets the answer for the tool first
	for i, v := range []module.Version{tool, {Path: "example.com/between", Version: "v1.0.0"}} {
		if err := New(o).Session(t.Context(), "", nil).Check(v, goodSum, ""); err != nil {
			t.Fatal(i, err)
		}
	}
	dir := t.TempDir()
	s := New(o).Session(t.Context(), dir, func(name string, data []byte) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, data, 0o666)); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(s.Check(other, goodSum, ""), s.Check(tool, goodSum, "")); err != nil {
		t.Fatal(err)
	}
	for _, v := range []module.Version{tool, other} {
		if err := New(Options{GOSUMDB: srv.key, GOPROXY: "off"}).Session(t.Context(), dir, nil).Check(v, goodSum, ""); err != nil {
			t.Errorf("%s, without a request: %v", v, err)
		}
	}
}

// TestFailures: an answer that fails is that of one module, and is asked for twice if it may be
// another one soon. A database that fails several times in a row, or cannot be reached, is not
// asked about each module.
func TestFailures(t *testing.T) {
	t.Parallel()
	modules := make([]module.Version, 20)
	for i := range modules {
		modules[i] = module.Version{Path: fmt.Sprintf("example.com/m%d", i), Version: "v1.0.0"}
	}
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { http.Error(w, "no", code) }
	}
	for name, c := range map[string]struct {
		fails  func(module, n int) bool // the nth request about a module
		how    func(w http.ResponseWriter)
		failed []int // modules, from the first one on; the others are confirmed
		asked  int   // about modules[3]
		down   bool
	}{
		"busy once":         {func(m, n int) bool { return m == 3 && n == 1 }, status(http.StatusServiceUnavailable), nil, 2, false},
		"too many requests": {func(m, n int) bool { return m == 3 && n == 1 }, status(http.StatusTooManyRequests), nil, 2, false},
		"broken for one":    {func(m, _ int) bool { return m == 3 }, status(http.StatusInternalServerError), []int{3}, 2, false},
		"forbidden for one": {func(m, _ int) bool { return m == 3 }, status(http.StatusForbidden), []int{3}, 1, false},
		"cut off for one": {func(m, _ int) bool { return m == 3 }, func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		}, []int{3}, 0, false},
		"forbidden for all": {func(int, int) bool { return true }, status(http.StatusForbidden), []int{0, 1, 2, 3, 4, 19}, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, "")
			asked := map[string]int{}
			srv.answer = func(w http.ResponseWriter, r *http.Request) bool {
				path, ok := strings.CutPrefix(r.URL.Path, "/lookup/example.com/m")
				if !ok {
					return false
				}
				srv.mu.Lock()
				asked[path]++
				n := asked[path]
				srv.mu.Unlock()
				m, _ := strconv.Atoi(strings.TrimSuffix(path, "@v1.0.0"))
				if c.fails(m, n) {
					c.how(w)
					return true
				}
				return false
			}
			s := New(Options{GOSUMDB: srv.key + " " + srv.URL}).Session(t.Context(), "", nil)
			for i, v := range modules {
				err := s.Check(v, goodSum, "")
				switch {
				case slices.Contains(c.failed, i) && !errors.Is(err, ErrUnavailable):
					t.Errorf("%s: %v, want %v", v, err, ErrUnavailable)
				case !slices.Contains(c.failed, i) && !c.down && err != nil:
					t.Errorf("%s: %v", v, err)
				}
			}
			if down := s.Stopped(); (down != nil) != c.down {
				t.Errorf("down: %v", down)
			}
			switch {
			case c.asked > 0 && asked["3@v1.0.0"] != c.asked:
				t.Errorf("%d requests about one module, want %d", asked["3@v1.0.0"], c.asked)
			case c.down && len(asked) != maxFailures:
				t.Errorf("asked about %d modules, want %d", len(asked), maxFailures)
			}
		})
	}
	srv := newServer(t, "")
	srv.Close()
	s := New(Options{GOSUMDB: srv.key + " " + srv.URL}).Session(t.Context(), "", nil)
	if err := s.Check(modules[0], goodSum, ""); !errors.Is(err, ErrUnavailable) || s.Stopped() == nil {
		t.Errorf("not reached: %v, %v", err, s.Stopped())
	}
}

// TestSilent: a server that has never said anything is waited for once.
func TestSilent(t *testing.T) {
	t.Parallel()
	srv := newServer(t, "")
	end := make(chan struct{})
	srv.answer = func(http.ResponseWriter, *http.Request) bool {
		<-end
		return true
	}
	t.Cleanup(func() { close(end) })
	requests := &counting{RoundTripper: &http.Transport{}}
	o := Options{GOSUMDB: srv.key + " " + srv.URL, Client: &http.Client{Transport: requests, Timeout: 100 * time.Millisecond}}
	s := New(o).Session(t.Context(), "", nil)
	for range 3 {
		if err := s.Check(tool, goodSum, ""); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "does not answer") {
			t.Error(err)
		}
	}
	if n := requests.n.Load(); n != 1 || s.Stopped() == nil {
		t.Errorf("%d requests, stopped %v", n, s.Stopped())
	}
}

// counting counts the requests that are made, of which a server on a busy machine gets some only
// after their time.
type counting struct {
	http.RoundTripper
	n atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// TestNotAsked: a setting that forbids to ask is no database that does not answer.
func TestNotAsked(t *testing.T) {
	for text, o := range map[string]Options{
		"no checksum database is asked: GOSUMDB=off":                       {GOSUMDB: "off"},
		"no checksum database is asked: GOPROXY=off":                       {GOPROXY: "off"},
		"no checksum database is asked: only answers that were kept count": {Offline: true},
	} {
		s := New(o).Session(t.Context(), "", nil)
		if err := s.Check(tool, goodSum, ""); !errors.Is(err, ErrUnavailable) || err.Error() != text || s.Stopped() != nil {
			t.Errorf("%v, %v, want %s", err, s.Stopped(), text)
		}
	}
}

// refusing gives the same answer to every request.
type refusing struct{ body string }

func (r refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.WriteString(r.body)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// FuzzCheck: no setting, no answer and no module name makes a hash pass that the database has not
// signed.
func FuzzCheck(f *testing.F) {
	f.Add("sum.golang.org", "https://proxy.golang.org,direct", "example.com/a", "v1.0.0", "1\nexample.com/a v1.0.0 "+goodSum+"\n\ngo.sum database tree\n1\nx\n\n— sum.golang.org Az3g\n")
	f.Add("sum.golang.google.cn", "off", "golang.org/toolchain", "v0.0.1-go1.26.8.linux-amd64", "")
	f.Add("vector+464e82ee+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 http://x/", "http://a:b@c|http://d", "x", "v1", "go.sum database tree\n")
	f.Fuzz(func(t *testing.T, setting, proxy, path, version, body string) {
		o := Options{GOSUMDB: setting, GOPROXY: proxy, Client: &http.Client{Transport: refusing{body}}}
		if err := New(o).Session(t.Context(), "", nil).Check(module.Version{Path: path, Version: version}, goodSum, ""); err == nil {
			t.Errorf("%s %s is believed", path, version)
		}
	})
}
