package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/store"
)

// brokenStore fails when it should.
type brokenStore struct {
	store.Store
	reads, writes atomic.Bool
}

var errDown = fmt.Errorf("test: %w", store.ErrUnreachable)

func (b *brokenStore) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	if b.reads.Load() {
		return nil, store.Info{}, errDown
	}
	return b.Store.Open(ctx, name, off, length)
}

func (b *brokenStore) Stat(ctx context.Context, name string) (store.Info, error) {
	if b.reads.Load() {
		return store.Info{}, errDown
	}
	return b.Store.Stat(ctx, name)
}

func (b *brokenStore) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if b.writes.Load() {
		return store.Info{}, errDown
	}
	return b.Store.Put(ctx, name, body, size, cond)
}

// TestStoreDown: without a store public modules, which have a proof, are served all the same;
// private ones, for which it has the only one, are not.
func TestStoreDown(t *testing.T) {
	m := greet(t, "v1.0.0")
	secret := newModule(t, "secret.example/x", "v1.0.0", map[string]string{"x.go": "package x\n"})
	w := newWorld(t, m, secret)
	w.private = "secret.example"
	broken := &brokenStore{}
	broken.reads.Store(true)
	broken.writes.Store(true)
	w.start(func(o *Options) { broken.Store, o.Store, o.PrivateSource = o.Store, broken, o.Public })
	if got := sumOf(t, w.want(200, greetZip)); got != m.sum {
		t.Errorf("zip: %s", got)
	}
	w.want(502, "secret.example/x/@v/v1.0.0.zip")
	w.want(502, "secret.example/x/@v/v1.0.0.mod")
	if w.watch.get("store read") == 0 || w.watch.get("store write") == 0 {
		t.Errorf("failures were not counted: %v", w.watch.n)
	}
	broken.reads.Store(false)
	broken.writes.Store(false)
	w.lib.down.Store(0) // some seconds later
	if got := sumOf(t, w.want(200, "secret.example/x/@v/v1.0.0.zip")); got != secret.sum {
		t.Errorf("private zip: %s", got)
	}
}

// TestStoreDownOffline: what a store that does not answer may have is not said to be absent, nor
// remembered to be, by a proxy that can ask nobody else; nor where an upstream has it no more.
func TestStoreDownOffline(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m).start(nil)
	files := []string{"@v/list", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip", "@v/main.info", "@latest"}
	w.queries["example.com/Greet@main"] = "v1.0.0"
	for _, f := range files {
		w.want(200, "example.com/!greet/"+f)
	}
	w.settle()
	for name, set := range map[string]func(*Options){
		"offline":   func(o *Options) { o.Offline = true },
		"gone away": func(o *Options) {},
		"mode none": func(o *Options) {},
	} {
		t.Run(name, func(t *testing.T) {
			broken := &brokenStore{}
			broken.reads.Store(true)
			w.start(func(o *Options) { set(o); broken.Store, o.Store = o.Store, broken })
			want := files
			switch name {
			case "mode none":
				local := w.lib.Local()
				defer local.Close()
				w.setServer(func(s *Server) {
					s.Local, s.Modes = local, []settings.Mode{{Modules: "example.com/Greet", Mode: settings.ModeNone}}
				})
			case "gone away":
				want = files[1:4] // what changes is for the upstream to say
				w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
					http.NotFound(rw, r)
					return true
				})
				defer w.setAnswer(nil)
			}
			for _, f := range want {
				w.want(502, "example.com/!greet/"+f)
			}
			broken.reads.Store(false)
			w.lib.down.Store(0)
			if name == "mode none" {
				w.proxy.Config.Handler.(*Server).Local.down.Store(0)
			}
			for _, f := range want {
				w.want(200, "example.com/!greet/"+f)
			}
		})
	}
}
