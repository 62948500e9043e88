package proxy

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
	modzip "golang.org/x/mod/zip"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/proxy/checksums"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

// memFile is a file for golang.org/x/mod/zip.
type memFile struct {
	name string
	data []byte
}

func (f memFile) Path() string                 { return f.name }
func (f memFile) Lstat() (fs.FileInfo, error)  { return (&zip.FileHeader{Name: f.name}).FileInfo(), nil }
func (f memFile) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.data)), nil }

type sizedFile struct {
	fs.FileInfo
	size int64
}

func (f sizedFile) Size() int64 { return f.size }

// testModule is a version that the upstream of tests has.
type testModule struct {
	v              module.Version
	info, mod, zip []byte
	sum, modSum    string
}

// newModule makes a version with these files, by name.
func newModule(t testing.TB, path, version string, files map[string]string) testModule {
	t.Helper()
	m := testModule{v: module.Version{Path: path, Version: version}}
	if files["go.mod"] == "" {
		files["go.mod"] = "module " + path + "\n\ngo 1.20\n"
	}
	m.mod = []byte(files["go.mod"])
	m.info = fmt.Appendf(nil, `{"Version":%q,"Time":"2024-01-02T03:04:05Z","Origin":{"VCS":"git","URL":"https://%s"}}`, version, path)
	var list []modzip.File
	for name, text := range files {
		list = append(list, fileOf(name, text))
	}
	slices.SortFunc(list, func(a, b modzip.File) int { return strings.Compare(b.Path(), a.Path()) })
	var b bytes.Buffer
	if err := modzip.Create(&b, m.v, list); err != nil {
		t.Fatal(err)
	}
	m.zip = b.Bytes()
	m.sum, m.modSum = hashes(t, m)
	return m
}

type statFile struct{ memFile }

func (f statFile) Lstat() (fs.FileInfo, error) {
	info, err := f.memFile.Lstat()
	return sizedFile{info, int64(len(f.data))}, err
}

func fileOf(name, text string) modzip.File { return statFile{memFile{name, []byte(text)}} }

func hashes(t testing.TB, m testModule) (sum, modSum string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "zip")
	if err := os.WriteFile(name, m.zip, 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return sum, modcache.GoModSum(m.mod)
}

// world is an upstream, a checksum database and a proxy in between.
type world struct {
	t       testing.TB
	mu      sync.Mutex
	modules map[module.Version]testModule
	queries map[string]string // path@query: version
	asked   []string          // paths of requests to the upstream
	signed  map[module.Version]string
	// answer may answer a request to the upstream first, and returns whether it did.
	answer func(w http.ResponseWriter, r *http.Request) bool

	upstream *httptest.Server
	key      string
	store    store.Store
	private  string
	now      func() time.Time

	watch *counts
	lib   *Library
	proxy *httptest.Server
}

// counts is a Watcher.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[key]++
}

func (c *counts) get(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

func (c *counts) Found(what, where string)                    { c.add(what + " from " + where) }
func (c *counts) Asked(_, what, kind string, _ time.Duration) { c.add(what + " asked: " + kind) }
func (c *counts) StoreFailed(op string)                       { c.add("store " + op) }
func (c *counts) DiskFailed()                                 { c.add("disk") }
func (w *world) add(m testModule)                             { w.mu.Lock(); w.modules[m.v] = m; w.mu.Unlock() }
func (w *world) setAnswer(f func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	w.answer = f
	w.mu.Unlock()
}

func newWorld(t testing.TB, modules ...testModule) *world {
	t.Helper()
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, modules: map[module.Version]testModule{}, queries: map[string]string{}, signed: map[module.Version]string{}, store: st, now: time.Now}
	for _, m := range modules {
		w.modules[m.v] = m
	}
	private, public, err := note.GenerateKey(rand.Reader, "sum.example")
	if err != nil {
		t.Fatal(err)
	}
	w.key = public
	db := sumdb.NewServer(sumdb.NewTestServer(private, w.goSum))
	w.upstream = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r.URL.Path)
		answer := w.answer
		w.mu.Unlock()
		if answer != nil && answer(rw, r) {
			return
		}
		if r.URL.Path == "/sumdb/sum.example/supported" {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/sumdb/") {
			http.StripPrefix("/sumdb/sum.example", db).ServeHTTP(rw, r)
			return
		}
		w.serveModule(rw, r)
	}))
	t.Cleanup(w.upstream.Close)
	return w
}

// goSum is what the checksum database knows. It has seen each version when it was asked first.
func (w *world) goSum(path, version string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := module.Version{Path: path, Version: version}
	m, ok := w.modules[v]
	if !ok || strings.HasPrefix(path, "unknown.example/") {
		return nil, fs.ErrNotExist
	}
	return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, m.sum, path, version, m.modSum), nil
}

func (w *world) serveModule(rw http.ResponseWriter, r *http.Request) {
	q, err := parse(r.URL.EscapedPath())
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if q.op == opList || q.op == opLatest {
		var versions []string
		for v := range w.modules {
			if v.Path == q.path {
				versions = append(versions, v.Version)
			}
		}
		if versions == nil {
			http.NotFound(rw, r)
			return
		}
		slices.Sort(versions)
		if q.op == opLatest {
			rw.Write(w.modules[module.Version{Path: q.path, Version: versions[len(versions)-1]}].info)
			return
		}
		fmt.Fprintln(rw, strings.Join(versions, "\n"))
		return
	}
	if v, ok := w.queries[q.path+"@"+q.version]; ok {
		q.version = v
	}
	m, ok := w.modules[module.Version{Path: q.path, Version: q.version}]
	if !ok {
		http.Error(rw, "not found: unknown revision", http.StatusNotFound)
		return
	}
	rw.Write(map[operation][]byte{opInfo: m.info, opMod: m.mod, opZip: m.zip}[q.op])
}

// requests counts requests to the upstream whose path has a part.
func (w *world) requests(part string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.asked {
		if strings.Contains(p, part) {
			n++
		}
	}
	return n
}

// start starts a proxy, after the one before has ended. change may change its options.
func (w *world) start(change func(*Options)) *world {
	w.t.Helper()
	w.stop()
	u, err := url.Parse(w.upstream.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	client := upstream.NewClient()
	zips, err := zipcache.Open(filepath.Join(w.t.TempDir(), "zips"), 1<<30)
	if err != nil {
		w.t.Fatal(err)
	}
	w.watch = &counts{}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	o := Options{
		Store: w.store, Repo: "repo", Scope: "scope", Private: w.private,
		Public: upstream.Chain{{Source: &upstream.HTTP{Base: u, Client: client, Pause: time.Millisecond}}}, PrivateSource: upstream.Off{},
		Zips: zips, Memo: memo.New(64<<20, w.now), Log: log, Watch: w.watch,
		ListTTL: time.Minute, AbsentTTL: time.Minute, FlightTime: time.Minute, TouchAfter: 24 * time.Hour,
	}
	id, err := checksumdb.Identify(w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	if change != nil {
		change(&o)
	}
	o.DB = checksums.New(checksums.Options{
		Identity: id, Upstreams: []goproxy.Element{{Name: w.upstream.URL}}, Client: client, Store: o.Store, Memo: o.Memo,
		Latest: time.Minute, Offline: o.Offline, Partial: true, Failed: func(op string, err error) { w.t.Logf("sumdb %s: %v", op, err) },
	})
	w.lib = NewLibrary(o)
	w.proxy = httptest.NewServer(&Server{Library: w.lib, DB: o.DB, Log: log, Listed: time.Minute})
	lib, proxy := w.lib, w.proxy
	w.t.Cleanup(func() { proxy.Close(); lib.Close(); o.DB.Close(); zips.Close() })
	return w
}

// stop lets the background finish, and ends the proxy.
func (w *world) stop() {
	if w.proxy == nil {
		return
	}
	w.settle()
	w.proxy.Close()
}

func (w *world) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w.lib.Wait(ctx)
}

// get asks the proxy.
func (w *world) get(path string, header ...string) (int, http.Header, []byte) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.proxy.URL+"/"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

// want asks the proxy and compares the status.
func (w *world) want(status int, path string, header ...string) []byte {
	w.t.Helper()
	got, _, data := w.get(path, header...)
	if got != status {
		w.t.Errorf("GET %s: status %d, want %d: %s", path, got, status, data)
	}
	return data
}

// sumOf is the h1 hash of a zip.
func sumOf(t testing.TB, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "zip")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func lister(w *world) store.Collector { return w.store.(store.Collector) }
