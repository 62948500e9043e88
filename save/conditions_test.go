package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// TestConditionsAreAskedOnce: one worker asks, the others wait for its answer, unless their time is
// up first. An error is no answer.
func TestConditionsAreAskedOnce(t *testing.T) {
	for _, want := range []bool{true, false} {
		c := newConditions()
		if _, err := c.ask(t.Context(), func(context.Context) (bool, error) { return true, io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) || c.broken() {
			t.Errorf("%v, broken %v", err, c.broken())
		}
		asked, begun := 0, make(chan struct{})
		answer := make(chan bool)
		var g errgroup.Group
		ask := func() error {
			got, err := c.ask(t.Context(), func(context.Context) (bool, error) {
				asked++
				close(begun)
				return <-answer, nil
			})
			if got != want {
				t.Errorf("%v, want %v", got, want)
			}
			return err
		}
		g.Go(ask)
		<-begun
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.ask(ended, nil); !errors.Is(err, context.Canceled) || c.broken() {
			t.Errorf("out of time: %v, broken %v", err, c.broken())
		}
		for range 5 {
			g.Go(ask)
		}
		answer <- want
		if err := g.Wait(); err != nil || asked != 1 || c.broken() == want {
			t.Errorf("%v, asked %d times, broken %v", err, asked, c.broken())
		}
	}
}

// moduleCache has a version of some modules that differ from each other, and whose versions have
// most in common.
func moduleCache(t *testing.T, n int, version string) (dir string, sums map[module.Version]string) {
	t.Helper()
	dir, sums = t.TempDir(), map[module.Version]string{}
	t.Cleanup(func() { osfile.RemoveAll(dir) })
	for i := range n {
		files := release("aaaaaa")
		files["f0.go"], files["version.go"] = fmt.Sprintf("// %d\n%s", i, files["f0.go"]), version
		v := module.Version{Path: fmt.Sprintf("example.com/lib%d", i), Version: version}
		sums[v] = collecttest.GoModule(t, dir, v, files)
	}
	return dir, sums
}

// TestManyDeltas: however little memory there is, and however many workers, each delta is built and
// sent once, and the store is asked at most twice whether conditions hold.
func TestManyDeltas(t *testing.T) {
	const n = 24
	mem := newMemory()
	save := func(version string) *Result {
		t.Helper()
		dir, sums := moduleCache(t, n, version)
		key := testKey
		key.Digest = version
		res, err := Run(t.Context(), Options{
			Store: mem, Repo: "r", Scope: "s", ModDir: dir, Concurrency: 16, Memory: 1,
			Keys: keys.Plan{Key: key, Sums: keys.Sums{Zip: sums}},
		})
		if err != nil || res.Modules.Uploaded != n || len(res.Warnings) > 0 {
			t.Fatalf("%+v, %v", res, err)
		}
		return res
	}
	first := save(oldVersion)
	empty, _, err := emptyPack("r", "s")
	if err != nil {
		t.Fatal(err)
	}
	var deltas, whole, probes atomic.Int32
	mem.before = func(op, name string, _ io.Reader) error {
		switch {
		case op != "put":
		case snapshot.IsDelta(name):
			deltas.Add(1)
		case strings.Contains(name, "/@v/"):
			whole.Add(1)
		case name == empty:
			probes.Add(1)
		}
		return nil
	}
	second := save(newVersion)
	if deltas.Load() != n || whole.Load() != 0 || probes.Load() != 2 || second.BytesRead != first.BytesRead {
		t.Errorf("%d deltas, %d whole, %d probes; %d bytes read, and %d before", deltas.Load(), whole.Load(), probes.Load(), second.BytesRead, first.BytesRead)
	}
	if save("v1.2.0"); probes.Load() != 3 {
		t.Errorf("%d probes; the pack was there", probes.Load())
	}
}

// TestProbeOfConditions: only a store that says nothing but yes is one that ignores conditions.
func TestProbeOfConditions(t *testing.T) {
	for name, c := range map[string]struct {
		st   func(*memory) store.Store
		want bool
	}{
		"honoured":    {func(m *memory) store.Store { return m }, true},
		"ignored":     {func(m *memory) store.Store { return ignoring{m} }, false},
		"unsupported": {func(m *memory) store.Store { return lax{m, true} }, false},
		"denied": {func(m *memory) store.Store {
			m.before = func(string, string, io.Reader) error { return store.ErrDenied }
			return m
		}, true},
	} {
		j := job{Options: Options{Store: c.st(newMemory()), Repo: "r", Scope: "s"}}
		for range 2 {
			if got, err := j.probe(t.Context()); got != c.want || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
	why := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := (job{Options: Options{Store: newMemory(), Repo: "r", Scope: "s"}}).probe(ctx); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
}

// bundling is a memory that says it keeps objects in bundles.
type bundling struct{ *memory }

func (b bundling) First(ctx context.Context, names []string) (int, io.ReadCloser, store.Info, error) {
	for n, name := range names {
		body, info, err := b.Open(ctx, name, 0, -1)
		if !errors.Is(err, store.ErrNotFound) {
			return n, body, info, err
		}
	}
	return 0, nil, store.Info{}, store.ErrNotFound
}

func (b bundling) Begin(context.Context, []store.Expected, []string) (map[string]bool, error) {
	return nil, nil
}
func (b bundling) Await(context.Context) error                               { return nil }
func (b bundling) Commit(context.Context) error                              { return nil }
func (b bundling) Missed(context.Context, string) (list [][]byte, err error) { return nil, nil }
func (b bundling) Publish(ctx context.Context, name string, manifest []byte, cond store.Condition, _ []string) (store.Info, error) {
	return b.Put(ctx, name, bytes.NewReader(manifest), int64(len(manifest)), cond)
}

// TestBundlesHaveNoDeltas: where objects lie in bundles, a version that has most in common with a
// stored one is stored whole.
func TestBundlesHaveNoDeltas(t *testing.T) {
	const n = 2
	mem := newMemory()
	for _, version := range []string{oldVersion, newVersion} {
		var deltas, whole atomic.Int32
		mem.before = func(op, name string, _ io.Reader) error {
			switch {
			case op == "put" && snapshot.IsDelta(name):
				deltas.Add(1)
			case op == "put" && strings.Contains(name, "/@v/"):
				whole.Add(1)
			}
			return nil
		}
		dir, sums := moduleCache(t, n, version)
		key := testKey
		key.Digest = version
		res, err := Run(t.Context(), Options{
			Store: bundling{mem}, Repo: "r", Scope: "s", ModDir: dir,
			Keys: keys.Plan{Key: key, Sums: keys.Sums{Zip: sums}},
		})
		if err != nil || res.Modules.Uploaded != n || deltas.Load() != 0 || whole.Load() != n {
			t.Errorf("%s: %d deltas, %d whole; %+v, %v", version, deltas.Load(), whole.Load(), res, err)
		}
	}
}
