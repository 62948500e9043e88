package e2e

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

const day = 24 * time.Hour

// collect runs a garbage collection as of some time from now.
func collect(t *testing.T, st store.Store, ahead time.Duration) *gc.Result {
	t.Helper()
	res, err := gc.Run(context.Background(), gc.Options{
		Store: st.(store.Collector), MaxAge: 35 * day, Grace: day, Now: func() time.Time { return time.Now().Add(ahead) },
	})
	e2etest.Must(t, err)
	return res
}

// dirAndRoot returns an empty directory store and the directory of its objects; s3AndRoot does the
// same for a bucket.
func dirAndRoot(t *testing.T) (store.Store, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "store")
	return e2etest.DirStore(t, root), root
}

func s3AndRoot(t *testing.T) (store.Store, string) {
	t.Helper()
	st, srv := e2etest.S3StoreOn(t)
	return st, filepath.Join(srv.DataDir, "bucket", "some", "prefix")
}

// modules lists the module objects of a store.
func modules(t *testing.T, st store.Store) map[string]store.Info {
	t.Helper()
	out := map[string]store.Info{}
	for e, err := range st.(store.Collector).List(context.Background(), "") {
		e2etest.Must(t, err)
		if k, _ := snapshot.KindOf(e.Name); k == snapshot.KindModule {
			out[e.Name] = e.Info
		}
	}
	return out
}

// dropSnapshots removes all manifests, as if all branches had been closed long ago.
func dropSnapshots(t *testing.T, st store.Store) {
	t.Helper()
	for e, err := range st.(store.Collector).List(context.Background(), "") {
		e2etest.Must(t, err)
		if k, _ := snapshot.KindOf(e.Name); k == snapshot.KindManifest {
			if failed := st.(store.Collector).Delete(context.Background(), []string{e.Name}); failed != nil {
				t.Fatal(failed)
			}
		}
	}
}

// TestCollectModules: modules that lost their last manifest long ago are noted. If a project then
// needs some of them, its save renews them, and they are kept although they were due for removal;
// the others are removed.
func TestCollectModules(t *testing.T) {
	for name, dataDir := range map[string]bool{"dir": false, "s3": true} {
		t.Run(name, func(t *testing.T) {
			shared.Reset(t)
			st, root := dirAndRoot(t)
			if dataDir {
				st, root = s3AndRoot(t)
			}
			shared.Save(t, st)
			dropSnapshots(t, st)
			unused := "v2/modules/example.com/unused/@v/v1.0.0/" + strings.Repeat("0a", 32)
			_, err := st.Put(context.Background(), unused, strings.NewReader("x"), 1, store.Condition{})
			e2etest.Must(t, err)
			then := time.Now().Add(-40 * day)
			for object := range modules(t, st) {
				e2etest.Must(t, os.Chtimes(filepath.Join(root, filepath.FromSlash(object)), then, then))
			}
			collect(t, st, 0) // notes them
			res := shared.Save(t, st)
			if name == "dir" && (res.Modules.Uploaded != 0 || res.Requests["TOUCH"] != 3) {
				t.Errorf("modules were not touched: %+v", res)
			}
			if name == "s3" && res.Modules.Uploaded != 3 { // versitygw cannot touch
				t.Errorf("modules were not uploaded again: %+v", res)
			}
			gone := collect(t, st, 25*time.Hour)
			if gone.Reasons[gc.ReasonUnusedModule].Objects != 1 {
				t.Errorf("%+v", gone)
			}
			left := modules(t, st)
			if _, ok := left[unused]; ok || len(left) != 3 {
				t.Errorf("modules left: %v", left)
			}
			for object, info := range left {
				if time.Since(info.ModTime) > day {
					t.Errorf("%s was not renewed", object)
				}
			}
			shared.Wipe(t)
			shared.Restore(t, st)
			shared.MustBuildOffline(t)
		})
	}
}

// TestTouchRarely: a save that finds a module which another branch stored touches it if nobody has
// done so for a week.
func TestTouchRarely(t *testing.T) {
	shared.Reset(t)
	st, root := dirAndRoot(t)
	shared.Save(t, st)
	then := time.Now().Add(-8 * day)
	for object := range modules(t, st) {
		e2etest.Must(t, os.Chtimes(filepath.Join(root, filepath.FromSlash(object)), then, then))
	}
	for i, want := range []int64{3, 0} {
		before := st.Requests()["TOUCH"]
		shared.Save(t, st, func(o *save.Options) { o.Scope, o.DefaultScope = "refs/heads/"+string(rune('a'+i)), "" })
		if got := st.Requests()["TOUCH"] - before; got != want {
			t.Errorf("save %d touched %d objects, want %d", i+1, got, want)
		}
	}
	for object, info := range modules(t, st) {
		if time.Since(info.ModTime) > time.Hour {
			t.Errorf("%s was not touched", object)
		}
	}
}

// TestTouchDenied: a job that may not touch shared modules names those that are merely old. It
// leaves out those that a collection has noted, with a warning.
func TestTouchDenied(t *testing.T) {
	shared.Reset(t)
	inner, root := dirAndRoot(t)
	shared.Save(t, inner)
	then := time.Now().Add(-40 * day)
	for object := range modules(t, inner) {
		e2etest.Must(t, os.Chtimes(filepath.Join(root, filepath.FromSlash(object)), then, then))
	}
	st := &storetest.Faulty{Store: inner, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		if c.Op == storetest.OpTouch || c.Op == storetest.OpPut && strings.HasPrefix(c.Name, "v2/modules/") {
			return false, store.ErrDenied
		}
		return true, nil
	}}
	other := func(o *save.Options) { o.Scope, o.DefaultScope = "refs/heads/other", "" }
	if res := shared.Save(t, st, other); res.Modules.Stored != 3 || len(res.Warnings) > 0 {
		t.Errorf("old modules: %+v", res)
	}
	dropSnapshots(t, inner)
	collect(t, inner, 0)
	res := shared.Save(t, st, other)
	if res.Modules.Stored != 0 || res.Modules.Skipped != 3 || len(res.Warnings) != 3 {
		t.Errorf("noted modules: %+v", res)
	}
}

// TestCollectUploads: an upload in progress is left alone for the notice period.
func TestCollectUploads(t *testing.T) {
	st, _ := s3AndRoot(t)
	for _, c := range []struct {
		ahead   time.Duration
		aborted bool
	}{{23 * time.Hour, false}, {25 * time.Hour, true}} {
		started, goOn, done := make(chan bool), make(chan bool), make(chan error)
		go func() {
			body := &waiting{left: 20 << 20, started: started, goOn: goOn}
			_, err := st.Put(context.Background(), "v2/modules/x", body, 20<<20, store.Condition{})
			done <- err
		}()
		<-started
		res := collect(t, st, c.ahead)
		close(goOn)
		err := <-done
		if got := res.Reasons[gc.ReasonUpload].Objects == 1; got != c.aborted || (err != nil) != c.aborted {
			t.Errorf("%v: %+v, upload: %v", c.ahead, res.Reasons, err)
		}
	}
	if _, err := st.Stat(context.Background(), "v2/modules/x"); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// waiting is a body that stops in the middle of an upload.
type waiting struct {
	left          int
	started, goOn chan bool
}

func (w *waiting) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	if w.left < 2<<20 && w.started != nil {
		close(w.started)
		<-w.goOn
		w.started = nil
	}
	n := min(len(p), w.left, 1<<20)
	w.left -= n
	return n, nil
}
