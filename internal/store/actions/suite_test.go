package actions_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

const (
	mainRef = "refs/heads/main"
	pullRef = "refs/pull/1/merge"
)

// open returns a store of a job with a token. It has the patience that it takes on a busy machine:
// where that ends, two writers can both win.
func open(t testing.TB, server *actionstest.Server, token string, change ...func(*actions.Options)) *actions.Store {
	t.Helper()
	o := actions.Options{URL: server.URL, Token: token, Patience: 30 * time.Second, Pause: 20 * time.Millisecond, CopiesBlocks: true}
	for _, c := range change {
		c(&o)
	}
	s, err := actions.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEntries is the suite of all stores, for objects that are replaced. Requests are counted in
// another way here, and nothing can be listed or removed.
func TestEntries(t *testing.T) {
	storetest.RunWithout(t, storetest.Lacks{Collection: true, Requests: true}, func(t *testing.T) store.Store {
		return open(t, unlimited(t), actionstest.Branch(mainRef, mainRef), small)
	})
}

// unlimited returns a server for the suite of all stores, whose readers look things up all the
// time.
func unlimited(t *testing.T) *actionstest.Server {
	server := actionstest.New(t)
	server.SetLimits(0, 0)
	return server
}

// small makes blocks so small that the bodies of the suite have several.
func small(o *actions.Options) { o.BlockSize = 1 << 20 }

// TestLaggingEntries: the same while lookups lag behind and go backwards. What another job wrote a
// moment ago need not be seen, so the suite reads with the store that wrote.
func TestLaggingEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("waits")
	}
	storetest.RunWithout(t, storetest.Lacks{Collection: true, Requests: true}, func(t *testing.T) store.Store {
		server := unlimited(t)
		server.SetLag(30 * time.Millisecond)
		return open(t, server, actionstest.Branch(mainRef, mainRef), small)
	})
}

// bundled gives objects the names of packs, and commits each of them at once.
type bundled struct {
	*actions.Store
	saving *sync.RWMutex // held by each Put, and by a Commit alone
}

func packOf(name string) string {
	if store.CheckName(name) != nil {
		return name
	}
	return snapshot.PackObject("r", mainRef, digest.ID(sha256.Sum256([]byte(name))))
}

// nameError has the name that the suite knows.
func nameError(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (b bundled) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	r, info, err := b.Store.Open(ctx, packOf(name), off, length)
	return r, info, nameError(name, err)
}

func (b bundled) Stat(ctx context.Context, name string) (store.Info, error) {
	info, err := b.Store.Stat(ctx, packOf(name))
	return info, nameError(name, err)
}

func (b bundled) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	b.saving.RLock()
	_, err := b.Store.Put(ctx, packOf(name), body, size, cond)
	b.saving.RUnlock()
	if err != nil {
		return store.Info{}, err
	}
	b.saving.Lock()
	err = b.Commit(ctx)
	b.saving.Unlock()
	if err != nil {
		return store.Info{}, err
	}
	return b.Stat(ctx, name)
}

// TestObjects is the suite for objects in bundles, which are written one by one. What it says of
// conditions is left out: nobody replaces a pack or a module.
func TestObjects(t *testing.T) {
	storetest.RunWithout(t, storetest.Lacks{Collection: true, Requests: true, Replacement: true}, func(t *testing.T) store.Store {
		return bundled{open(t, actionstest.New(t), actionstest.Branch(mainRef, mainRef), small), new(sync.RWMutex)}
	})
}
