package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/store"
)

const greetZip = "example.com/!greet/@v/v1.0.0.zip"

// TestStampede: a hundred clients that want a version that nobody has yet cost one fetch, and some
// of them going away, the first one included, ends nothing.
func TestStampede(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	release, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.setAnswer(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".zip") {
			once.Do(func() { close(begun) })
			<-release
		}
		return false
	})
	ctx, leave := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.proxy.URL+"/"+greetZip, nil)
		_, err := http.DefaultClient.Do(req)
		first <- err
	}()
	<-begun
	var g sync.WaitGroup
	var right atomic.Int32
	for range 100 {
		g.Go(func() {
			resp, err := http.Get(w.proxy.URL + "/" + greetZip)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			if data, err := io.ReadAll(resp.Body); err == nil && bytes.Equal(data, m.zip) {
				right.Add(1)
			}
		})
	}
	leave()
	if err := <-first; err == nil {
		t.Error("the first client did not go away")
	}
	close(release)
	g.Wait()
	if right.Load() != 100 || w.requests(".zip") != 1 {
		t.Errorf("%d clients got the zip, by %d requests", right.Load(), w.requests(".zip"))
	}
}

// TestLyingUpstream: what an upstream does to a zip, and that nothing of it is served, stored or
// remembered: afterwards the right one is there at once.
func TestLyingUpstream(t *testing.T) {
	other := newModule(t, "example.com/Greet", "v1.0.0", map[string]string{"greet.go": "package evil\n"})
	cases := map[string]func(rw http.ResponseWriter, zip []byte){
		"truncated": func(rw http.ResponseWriter, zip []byte) {
			rw.Header().Set("Content-Length", fmt.Sprint(len(zip)))
			rw.Write(zip[:len(zip)/2])
		},
		"a part, and said to be all": func(rw http.ResponseWriter, zip []byte) { rw.Write(zip[:len(zip)/2]) },
		"longer than it says": func(rw http.ResponseWriter, zip []byte) {
			rw.Header().Set("Content-Length", "10")
			rw.Write(zip)
		},
		"too large": func(rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Content-Length", fmt.Sprint(upstream.MaxZip+1))
			rw.WriteHeader(200)
		},
		"a page":         func(rw http.ResponseWriter, _ []byte) { fmt.Fprint(rw, "<html>log in</html>") },
		"nothing":        func(http.ResponseWriter, []byte) {},
		"another module": func(rw http.ResponseWriter, _ []byte) { rw.Write(other.zip) },
		"cut off":        func(http.ResponseWriter, []byte) { panic(http.ErrAbortHandler) },
		"too busy": func(rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Retry-After", "77")
			rw.WriteHeader(429)
		},
	}
	for name, lie := range cases {
		t.Run(name, func(t *testing.T) {
			m := greet(t, "v1.0.0")
			w := newWorld(t, m).start(nil)
			w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, ".zip") {
					return false
				}
				lie(rw, m.zip)
				return true
			})
			status, _, data := w.get(greetZip)
			if status < 500 {
				t.Fatalf("status %d: %d bytes", status, len(data))
			}
			w.settle()
			if n := modulesIn(t, w.store); n != 0 {
				t.Errorf("%d module objects", n)
			}
			w.setAnswer(nil)
			if got := sumOf(t, w.want(200, greetZip)); got != m.sum {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

func modulesIn(t testing.TB, st store.Store) (n int) {
	t.Helper()
	for _, err := range st.(store.Collector).List(context.Background(), "v2/modules/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestSmallLies: pages instead of small files, and files of other versions.
func TestSmallLies(t *testing.T) {
	for file, lies := range map[string][]string{
		"@v/v1.0.0.info": {"<html>", `{"Version":"v1.0.1"}`, `{}`, `{"Version":"v1.0.0`},
		"@v/main.info":   {"<html>", `{"Version":"main"}`, ""},
		"@latest":        {"<html>", `{"Version":"latest"}`},
		"@v/list":        {"<html>\n<body>"},
		"@v/v1.0.0.mod":  {"<html>", "module example.com/Greet\n\nrequire evil.example/x v1.0.0\n", ""},
	} {
		for _, lie := range lies {
			w := newWorld(t, greet(t, "v1.0.0")).start(nil)
			w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/sumdb/") {
					return false
				}
				fmt.Fprint(rw, lie)
				return true
			})
			status, _, data := w.get("example.com/!greet/" + file)
			if status != 502 {
				t.Errorf("%s is %q: status %d: %s", file, lie, status, data)
			}
		}
	}
}

// TestHangingUpstream: an upstream that stops in the middle is given up.
func TestHangingUpstream(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m)
	release := make(chan struct{})
	defer close(release)
	w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ".zip") {
			return false
		}
		rw.Write(m.zip[:10])
		rw.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	w.start(func(o *Options) {
		u, _ := url.Parse(w.upstream.URL)
		o.Public = &upstream.HTTP{Base: u, Client: upstream.NewClient(), Stall: 50 * time.Millisecond}
	})
	w.want(504, greetZip)
}

// TestTwoHashes: a public version whose content has changed is refused, and so is a private one,
// also by a proxy that starts anew.
func TestTwoHashes(t *testing.T) {
	first := greet(t, "v1.0.0")
	moved := newModule(t, "example.com/Greet", "v1.0.0", map[string]string{"greet.go": "package moved\n", "go.mod": "module example.com/Greet\n\ngo 1.22\n"})
	w := newWorld(t, first)
	w.private = "example.com/*"
	private := func(o *Options) { o.PrivateSource = o.Public }
	w.start(private)
	w.want(200, greetZip)
	w.want(200, strings.Replace(greetZip, ".zip", ".mod", 1))
	// The object goes, the notes of it stay.
	removeModules(t, w)
	w.add(moved)
	w.start(private)
	if data := w.want(502, greetZip); !strings.Contains(string(data), first.sum) {
		t.Errorf("%s", data)
	}
	if got := w.want(200, strings.Replace(greetZip, ".zip", ".mod", 1)); !bytes.Equal(got, first.mod) {
		t.Errorf("go.mod: %s", got)
	}
	if n := w.requests("/sumdb/"); n != 0 {
		t.Errorf("%d requests to the checksum database about private modules", n)
	}
}

// removeModules removes all module objects.
func removeModules(t testing.TB, w *world) {
	t.Helper()
	w.settle() // what is still to be stored is to go, too
	var names []string
	for _, name := range objects(t, w) {
		if strings.Contains(name, "/modules/") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatal("there is no module object")
	}
	remove(t, w, names...)
}

// TestNotInDatabase: a module that an upstream has and the checksum database does not know is
// forbidden, with a hint, and not absent: it must be private.
func TestNotInDatabase(t *testing.T) {
	m := newModule(t, "unknown.example/x", "v1.0.0", map[string]string{"x.go": "package x\n"})
	w := newWorld(t, m).start(nil)
	for _, file := range []string{".zip", ".mod"} {
		if data := w.want(403, "unknown.example/x/@v/v1.0.0"+file); !strings.Contains(string(data), "private") {
			t.Errorf("%s", data)
		}
		w.want(404, "unknown.example/x/@v/v1.0.1"+file)
	}
}

// TestDamagedObject: a module object that is not what its name says is fetched anew, and replaced.
func TestDamagedObject(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	w.want(200, greetZip)
	w.settle()
	name, err := w.lib.public.shelf.Object(m.v, m.sum)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	whole, _, err := store.Get(ctx, w.store, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	for _, content := range [][]byte{damaged, whole[:len(whole)/2], {}} {
		if _, err := w.store.Put(ctx, name, bytes.NewReader(content), int64(len(content)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		w.start(nil)
		if got := sumOf(t, w.want(200, greetZip)); got != m.sum {
			t.Errorf("zip: %s", got)
		}
		w.settle()
		if now, _, err := store.Get(ctx, w.store, name, 1<<20); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("the object was not replaced: %v", err)
		}
	}
}

// TestLocalDiskGone: without the local directory, which somebody removed, zips come from the store:
// ten clients get the right ones, and the log says so once. It is tried again after a while.
func TestLocalDiskGone(t *testing.T) {
	m, next := greet(t, "v1.0.0"), greet(t, "v1.0.1")
	w := newWorld(t, m, next)
	var dir string
	log := &lines{}
	w.start(func(o *Options) {
		o.Log, o.ConcurrentObjects = slog.New(slog.NewTextHandler(log, nil)), 1
		d, err := o.Zips.NewDraft()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Dir(d.Name())
		d.Close()
	})
	w.want(200, greetZip)
	w.settle()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for range 5 {
		for path, m := range map[string]testModule{greetZip: m, "example.com/!greet/@v/v1.0.1.zip": next} {
			g.Go(func() {
				if got := sumOf(t, w.want(200, path)); got != m.sum {
					t.Errorf("%s: %s", path, got)
				}
			})
		}
	}
	g.Wait()
	if n := w.requests("v1.0.1.zip"); n != 1 {
		t.Errorf("%d fetches", n)
	}
	if n := log.count("local disk failed"); n != 1 || w.watch.get("disk") == 0 {
		t.Errorf("%d lines, %d errors counted:\n%s", n, w.watch.get("disk"), log.text())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.lib.disk.down.Store(time.Now().UnixNano())
	w.want(200, greetZip)
	if n, _ := w.lib.o.Zips.Stats(); n == 0 {
		t.Error("the disk is not used again")
	}
}

// lines is a log. Safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) count(part string) int { return strings.Count(l.text(), part) }

// TestStatusOfErrors: errors that no upstream gave.
func TestStatusOfErrors(t *testing.T) {
	for want, err := range map[int]error{
		502: errors.New("x"), 504: fmt.Errorf("x: %w", context.DeadlineExceeded), 404: badf("x"), 401: &deniedError{401},
	} {
		if got, _ := statusOf(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
