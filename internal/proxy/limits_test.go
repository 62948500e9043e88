package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
)

// fullDisk is a source for whose zips there is no room in the cache of zips.
type fullDisk struct {
	upstream.Source
	full bool
}

func (f *fullDisk) Zip(ctx context.Context, v module.Version, w upstream.Spool) error {
	if _, local := w.(*zipcache.Draft); local && f.full {
		return fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	return f.Source.Zip(ctx, v, w)
}

// TestFullDisk: past a full local disk zips come from the store, what is not there being fetched
// and stored first, also with memory for one object only. The disk gets room, and is used again.
func TestFullDisk(t *testing.T) {
	next := greet(t, "v1.0.1")
	w := newWorld(t, greet(t, "v1.0.0"), next)
	disk := &fullDisk{}
	w.start(func(o *Options) { disk.Source, o.Public, o.ConcurrentObjects = o.Public, disk, 1 })
	w.want(200, greetZip)
	disk.full = true
	if got := sumOf(t, w.want(200, "example.com/!greet/@v/v1.0.1.zip")); got != next.sum {
		t.Errorf("past the disk: %s", got)
	}
	if n, evicted := w.lib.o.Zips.Stats(); n != 0 || evicted != 1 {
		t.Errorf("%d bytes stay, %d zips were removed", n, evicted)
	}
	if n := w.requests("v1.0.1.zip"); n != 1 {
		t.Errorf("%d fetches", n)
	}
	disk.full = false
	w.want(200, "example.com/!greet/@v/v1.0.1.zip")
	w.want(200, greetZip)
	if n, _ := w.lib.o.Zips.Stats(); n == 0 {
		t.Error("the disk is not used again")
	}
}

// TestCutOff: a zip that cannot be sent whole ends as a connection that is cut, and is counted.
func TestCutOff(t *testing.T) {
	w := newWorld(t).start(nil)
	z := &Zip{WriteTo: func(_ context.Context, w io.Writer) error {
		if _, err := w.Write(make([]byte, 100<<10)); err != nil {
			return err
		}
		return errors.New("the store went away")
	}}
	ended := 0
	front := httptest.NewServer(&Front{
		Server: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_ = w.proxy.Config.Handler.(*Server).pass(rw, r, z)
		}),
		Log: slog.New(slog.DiscardHandler), Stall: time.Minute, Total: time.Minute,
		Begin: func() func(string, int, int64, time.Duration) {
			return func(string, int, int64, time.Duration) { ended++ }
		},
	})
	resp, err := http.Get(front.URL + "/" + greetZip)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	front.Close()
	if ended != 1 {
		t.Errorf("%d requests were counted", ended)
	}
}

// TestRequestTime: when the time of a request is over the client is told so.
func TestRequestTime(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0"))
	release := make(chan struct{})
	defer close(release)
	w.setAnswer(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	w.start(nil)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	front := httptest.NewServer(&Front{
		Server: w.proxy.Config.Handler, Log: log, Stall: time.Minute, Total: 50 * time.Millisecond,
		Begin: func() func(string, int, int64, time.Duration) { return func(string, int, int64, time.Duration) {} },
	})
	defer front.Close()
	resp, err := http.Get(front.URL + "/example.com/!greet/@v/list")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestTooMany: what cannot be looked for now is for later, and is not said to be absent.
func TestTooMany(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0")).start(nil)
	w.lib.looking.Add(maxFlights)
	for _, file := range []string{"@v/list", "@v/v1.0.0.mod", "@v/v1.0.0.zip", "@v/none.info"} {
		status, h, data := w.get("example.com/!greet/" + file)
		if status != 503 || h.Get("Retry-After") == "" {
			t.Errorf("%s: status %d: %s", file, status, data)
		}
	}
	w.lib.looking.Add(-maxFlights)
	w.want(200, greetZip)
}

// TestNoReliance: with times of 0 everything that can change is asked for each time.
func TestNoReliance(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0"))
	w.start(func(o *Options) { o.ListTTL, o.AbsentTTL = 0, 0 })
	for i, want := range []string{"v1.0.0\n", "v1.0.0\nv1.0.1\n"} {
		if got := string(w.want(200, "example.com/!greet/@v/list")); got != want {
			t.Errorf("list: %q, want %q", got, want)
		}
		w.want([]int{404, 200}[i], "example.com/!greet/@v/v1.0.1.info")
		w.add(greet(t, "v1.0.1"))
	}
}

// TestUpstreamGone: an upstream that does not answer costs one try, not one for each module, where
// there are older answers.
func TestUpstreamGone(t *testing.T) {
	now := time.Now()
	w := newWorld(t, greet(t, "v1.0.0"), newModule(t, "example.com/b", "v1.0.0", map[string]string{"b.go": "package b\n"}))
	w.now = func() time.Time { return now }
	w.start(nil)
	lists := []string{"example.com/!greet/@v/list", "example.com/b/@v/list"}
	for _, list := range lists {
		w.want(200, list)
	}
	w.settle()
	w.upstream.Close()
	now = now.Add(2 * time.Minute)
	for _, list := range lists {
		if status, h, data := w.get(list); status != 200 || h.Get(StaleHeader) == "" || string(data) != "v1.0.0\n" {
			t.Errorf("%s: status %d: %s", list, status, data)
		}
	}
	if n := w.watch.get("list asked: outage"); n != 1 {
		t.Errorf("%d tries", n)
	}
}

// TestNothingUnproven: what a CI job has saved, and nobody has signed, is served where nobody can
// be asked, and does not become what all proxies believe. Modes ask the checksum database.
func TestNothingUnproven(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	w.want(200, greetZip)
	w.settle()
	var small []string
	for _, name := range objects(t, w) {
		if !strings.HasPrefix(name, "v2/modules/") {
			small = append(small, name)
		}
	}
	remove(t, w, small...)
	files := []string{"@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"}
	w.start(func(o *Options) { o.Offline = true })
	for _, f := range files {
		w.want(200, "example.com/!greet/"+f)
	}
	w.settle()
	if list := objects(t, w); len(list) != 1 {
		t.Errorf("stored: %q", list)
	}

	w.start(nil)
	local := w.lib.Local()
	defer local.Close()
	w.setServer(func(s *Server) {
		s.Local, s.Modes = local, []settings.Mode{{Modules: "example.com", Mode: settings.ModeNone}}
	})
	before := len(w.asked)
	for _, f := range files {
		w.want(200, "example.com/!greet/"+f)
	}
	if n := w.requests("/lookup/"); n != 2 || len(w.asked) == before {
		t.Errorf("%d requests to the checksum database", n)
	}
}
