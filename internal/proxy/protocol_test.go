package proxy

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

func greet(t testing.TB, version string) testModule {
	return newModule(t, "example.com/Greet", version, map[string]string{
		"greet.go": "package greet\n\nconst Hello = \"" + version + "\"\n", "a/b/c.txt": strings.Repeat("text ", 1000), "z.sh": "",
	})
}

// TestProtocol: every kind of request, cold, from memory, and by a proxy that starts with the store
// of the one before and has no upstream.
func TestProtocol(t *testing.T) {
	m, n := greet(t, "v1.0.0"), greet(t, "v1.1.0-pre.1")
	old := newModule(t, "example.com/old", "v2.0.0+incompatible", map[string]string{"old.go": "package old\n"})
	pkg := newModule(t, "gopkg.in/thing.v2", "v2.3.4", map[string]string{"x.go": "package thing\n"})
	two := newModule(t, "example.com/two/v2", "v2.0.1", map[string]string{"x.go": "package two\n"})
	pseudo := newModule(t, "example.com/pseudo", "v0.0.0-20240102030405-0123456789ab", map[string]string{"x.go": "package pseudo\n"})
	w := newWorld(t, m, n, old, pkg, two, pseudo)
	w.queries["example.com/Greet@main"] = "v1.0.0"
	w.queries["example.com/old@v2.0.0"] = "v2.0.0+incompatible"
	check := func(t *testing.T) {
		for _, m := range []testModule{m, n, old, pkg, two, pseudo} {
			base := strings.ReplaceAll(m.v.Path, "G", "!g") + "/@v/" + m.v.Version
			if got := w.want(200, base+".info"); !bytes.Equal(got, m.info) {
				t.Errorf("%s.info: %s", base, got)
			}
			if got := w.want(200, base+".mod"); !bytes.Equal(got, m.mod) {
				t.Errorf("%s.mod: %s", base, got)
			}
			if got := sumOf(t, w.want(200, base+".zip")); got != m.sum {
				t.Errorf("%s.zip: %s", base, got)
			}
		}
		if got := string(w.want(200, "example.com/!greet/@v/list")); got != "v1.0.0\nv1.1.0-pre.1\n" {
			t.Errorf("list: %q", got)
		}
		w.want(200, "example.com/pseudo/@latest")
		w.want(200, "example.com/!greet/@v/main.info")
		if got := w.want(200, "example.com/old/@v/v2.0.0.info"); !bytes.Equal(got, old.info) {
			t.Errorf("v2.0.0 of a module without /v2: %s", got)
		}
		if got := string(w.want(200, "sumdb/sum.example/lookup/example.com/!greet@v1.0.0")); !strings.Contains(got, m.sum) {
			t.Errorf("lookup: %s", got)
		}
		w.want(200, "sumdb/sum.example/supported")
		w.want(200, "sumdb/sum.example/latest")
		w.want(404, "sumdb/other.example/supported")
	}
	w.start(nil)
	t.Run("cold", check)
	if n := w.requests("/!greet/@v/v1.0.0.zip"); n != 1 {
		t.Errorf("%d requests for a zip", n)
	}
	before := len(w.asked)
	t.Run("warm", check)
	if extra := w.asked[before:]; len(extra) > 0 {
		t.Errorf("asked again: %q", extra)
	}
	w.start(func(o *Options) { o.Offline = true })
	before = len(w.asked)
	t.Run("offline", check)
	if extra := w.asked[before:]; len(extra) > 0 {
		t.Errorf("offline, and asked: %q", extra)
	}
	if n := w.watch.get("zip from store"); n != 6 {
		t.Errorf("%d zips were made from module objects", n)
	}
}

// TestModFetchesNoZip: a go.mod costs one request for it, and one for the .info that comes next.
func TestModFetchesNoZip(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0")).start(nil)
	w.want(200, "example.com/!greet/@v/v1.0.0.mod")
	w.settle()
	if w.requests(".zip") != 0 || w.requests(".mod") != 1 || w.requests(".info") > 1 {
		t.Errorf("asked: %q", w.asked)
	}
}

// TestRangeAndHead: parts of a zip, conditional requests, and headers alone.
func TestRangeAndHead(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	const path = "example.com/!greet/@v/v1.0.0.zip"
	_, h, whole := w.get(path)
	status, _, part := w.get(path, "Range", "bytes=10-19", "If-Range", h.Get("ETag"))
	if status != 206 || !bytes.Equal(part, whole[10:20]) {
		t.Errorf("range: status %d, %d bytes", status, len(part))
	}
	if status, _, _ := w.get(path, "If-None-Match", h.Get("ETag")); status != 304 {
		t.Errorf("If-None-Match: status %d", status)
	}
	resp, err := http.Head(w.proxy.URL + "/" + path)
	if err != nil || resp.ContentLength != int64(len(whole)) {
		t.Errorf("HEAD: %v, %d bytes", err, resp.ContentLength)
	}
	resp, err = http.Post(w.proxy.URL+"/"+path, "", nil)
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", err, resp.Status)
	}
}

// TestStatuses: what upstreams answer, and what clients get.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		upstream, want int
		header         string
	}{
		{404, 404, ""}, {410, 410, ""}, {401, 403, ""}, {403, 403, ""}, {451, 403, ""}, {429, 503, "100"}, {500, 502, ""}, {503, 502, ""}, {503, 503, "100"},
	} {
		w := newWorld(t, greet(t, "v1.0.0")).start(nil)
		w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/sumdb/") {
				return false
			}
			if c.header != "" {
				rw.Header().Set("Retry-After", c.header)
			}
			http.Error(rw, "no", c.upstream)
			return true
		})
		for _, file := range []string{"@v/list", "@latest", "@v/v1.0.0.info", "@v/main.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"} {
			status, h, data := w.get("example.com/!greet/" + file)
			if status != c.want || h.Get("Retry-After") != c.header {
				t.Errorf("upstream says %d: %s is %d, Retry-After %q: %s", c.upstream, file, status, h.Get("Retry-After"), data)
			}
		}
	}
}

// TestBadPaths: what is not of the protocol does not exist, and is asked of nobody.
func TestBadPaths(t *testing.T) {
	w := newWorld(t).start(nil)
	for _, path := range []string{
		"", "x", "example.com/Greet/@v/list", "example.com/!greet/@v/", "example.com/!greet/@v/.info", "example.com/!greet/@v/v1.mod",
		"example.com/a/../b/@v/list", "example.com/%2e%2e/@v/list", "example.com/a%0ab/@v/list", "example.com/!greet/@v/v1.0.0.exe",
		"/@v/list", "sumdb/sum.example/lookup/x", "sumdb/sum.example/tile/../../x", "sumdb/sum.example/other",
		strings.Repeat("a", 2000) + ".com/x/@v/list",
	} {
		status, _, _ := w.get(path)
		if status != 404 {
			t.Errorf("GET %q: status %d", path, status)
		}
	}
	if len(w.asked) > 1 { // but for the very long one
		t.Errorf("asked: %q", w.asked)
	}
}

// TestFreshness: lists are asked for again after their time, and at once if a client wants that; a
// stale one is better than none, and is marked.
func TestFreshness(t *testing.T) {
	now := time.Now()
	w := newWorld(t, greet(t, "v1.0.0"))
	w.now = func() time.Time { return now }
	w.start(nil)
	const list = "example.com/!greet/@v/list"
	w.want(200, list)
	w.want(404, "example.com/!greet/@v/v1.0.1.info")
	w.add(greet(t, "v1.0.1"))
	if got := string(w.want(200, list)); got != "v1.0.0\n" {
		t.Errorf("list: %q", got)
	}
	w.want(404, "example.com/!greet/@v/v1.0.1.info")
	if got := string(w.want(200, list, "Cache-Control", "no-cache")); got != "v1.0.0\nv1.0.1\n" {
		t.Errorf("list with no-cache: %q", got)
	}
	w.want(200, "example.com/!greet/@v/v1.0.1.info")
	w.add(greet(t, "v1.0.2"))
	now = now.Add(2 * time.Minute)
	if got := string(w.want(200, list)); got != "v1.0.0\nv1.0.1\nv1.0.2\n" {
		t.Errorf("list after its time: %q", got)
	}
	w.settle() // the list is in the store
	now = now.Add(2 * time.Minute)
	w.setAnswer(func(rw http.ResponseWriter, _ *http.Request) bool { http.Error(rw, "down", 500); return true })
	status, h, _ := w.get(list)
	if status != 200 || h.Get(StaleHeader) != "true" || w.watch.get("list from stale") != 1 {
		t.Errorf("stale: status %d, headers %v", status, h)
	}
}
