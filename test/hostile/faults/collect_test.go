package faults

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// Garbage collection of a store that has the snapshot of main, and a pack and a module that no
// manifest names any more and that are due for removal.

const (
	gcDay        = 24 * time.Hour
	due          = gcDay + time.Hour // when the notice period of unnamed objects is over
	closedScope  = "refs/heads/closed"
	unusedHash   = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	unusedModule = "v2/modules/example.com/unused/@v/v1.0.0/" + unusedHash
)

// garbage is the number of objects due for removal: the pack of the branch, the module, and the
// files of the module graph of main's first snapshot.
const garbage = 3

// collectWorld is such a store.
type collectWorld struct {
	*smallWorld
	*dir.Store
	root   string
	closed caches // of the branch that was closed
}

// collectAt runs a collection as of some time from now.
func collectAt(st store.Collector, ahead time.Duration) (*gc.Result, error) {
	return gc.Run(context.Background(), gc.Options{
		Store: st, MaxAge: 35 * gcDay, Grace: gcDay, Now: func() time.Time { return time.Now().Add(ahead) },
	})
}

// newCollectWorld saves main and a branch, closes the branch, and lets a collection note the
// objects that no manifest names any more.
func (w *smallWorld) newCollectWorld(root string, closed caches, main ...caches) (*collectWorld, error) {
	st, err := w.stored(root, main...)
	if err != nil {
		return nil, err
	}
	c := &collectWorld{w, st, filepath.Join(root, "store"), closed}
	if err := errors.Join(c.saveClosed(), c.dropClosed()); err != nil {
		return nil, err
	}
	if _, err := st.Put(context.Background(), unusedModule, strings.NewReader("x"), 1, store.Condition{}); err != nil {
		return nil, err
	}
	if err := c.backdate(40 * gcDay); err != nil {
		return nil, err
	}
	_, err = collectAt(st, -time.Hour)
	return c, err
}

// saveClosed runs a save of the branch.
func (c *collectWorld) saveClosed() error {
	o := c.saveOptions(c.Store, c.closed)
	o.Scope, o.DefaultScope = closedScope, ""
	_, err := save.Run(context.Background(), o)
	return err
}

// dropClosed removes the manifests of the branch.
func (c *collectWorld) dropClosed() error {
	return c.each(func(e store.Entry, kind snapshot.Kind) error {
		if kind == snapshot.KindManifest && strings.Contains(e.Name, "closed") {
			return errors.Join(mapValues(c.Delete(context.Background(), []string{e.Name}))...)
		}
		return nil
	})
}

func mapValues(m map[string]error) (list []error) {
	for _, err := range m {
		list = append(list, err)
	}
	return list
}

// backdate makes packs and modules older.
func (c *collectWorld) backdate(age time.Duration) error {
	then := time.Now().Add(-age)
	return c.each(func(e store.Entry, kind snapshot.Kind) error {
		if kind == snapshot.KindManifest {
			return nil
		}
		return os.Chtimes(filepath.Join(c.root, filepath.FromSlash(e.Name)), then, then)
	})
}

func (c *collectWorld) each(do func(store.Entry, snapshot.Kind) error) error {
	var all []store.Entry
	for e, err := range c.List(context.Background(), snapshot.Root) {
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	for _, e := range all {
		kind, _ := snapshot.KindOf(e.Name)
		if err := do(e, kind); err != nil {
			return err
		}
	}
	return nil
}

// exact demands that the store holds no pack or module that no manifest names.
func (c *collectWorld) exact() error {
	names, err := named(c.Store)
	if err != nil {
		return err
	}
	return c.each(func(e store.Entry, kind snapshot.Kind) error {
		if (kind == snapshot.KindPack || kind == snapshot.KindModule) && names[e.Name] == "" {
			return fmt.Errorf("%s is left", e.Name)
		}
		return nil
	})
}

// whole demands that a restore of main's snapshot brings everything.
func (c *collectWorld) whole(dir string, want contents) error {
	if _, err := named(c.Store); err != nil {
		return err
	}
	got, err := c.probe(c.Store, dir)
	if err != nil {
		return err
	}
	if d := got.differs(want); d != "" {
		return errors.New(d)
	}
	return nil
}

// closedCaches returns the caches of a branch with an entry of its own.
func closedCaches(t *testing.T) caches {
	t.Helper()
	c := cachesIn(t.TempDir())
	e2etest.AddEntry(t, c.build, otherEntry)
	return c
}

// TestFaultsCollect lets each operation of a garbage collection fail in each way. Objects that a
// manifest names are kept, and later collections remove the garbage.
func TestFaultsCollect(t *testing.T) {
	w := smallProject(t)
	closed := closedCaches(t)
	c, err := w.newCollectWorld(t.TempDir(), closed, w.before, w.after)
	e2etest.Must(t, err)
	calls := storeOperations(t, c.Store, func(f store.Store) error {
		res, err := collectAt(f.(store.Collector), due)
		if err == nil && res.Total.Objects != garbage {
			return fmt.Errorf("a clean collection removed %+v", res)
		}
		return err
	})
	// Trials of the last operation take a minute each, for a reason that docs/gc.md gives.
	calls = slices.DeleteFunc(calls, func(c call) bool { return c.name == "put "+gcnotes.Object+", again" })
	if len(calls) < 8 {
		t.Fatalf("%d operations", len(calls))
	}
	runTrials(t, storeTrials("gc", calls, func(tr *trial, dir string, fault storeFault) error {
		c, err := w.newCollectWorld(dir, closed, w.before, w.after)
		if err != nil {
			return err
		}
		start := time.Now()
		ctx, cancel := tr.context()
		defer cancel()
		f := faultyAt(c.Store, tr.at, fault)
		res, err := gc.Run(ctx, gc.Options{
			Store: f, MaxAge: 35 * gcDay, Grace: gcDay, Now: func() time.Time { return time.Now().Add(due) },
		})
		tr.took = time.Since(start)
		if err := f.happened(); err != nil {
			return err
		}
		quiet := err == nil && len(res.Warnings) == 0 && len(res.Unreadable) == 0
		switch e := fault.expectation; {
		case err != nil && e.err != nil && !errors.Is(err, e.err):
			return fmt.Errorf("the error is not %q: %w", e.err, err)
		case quiet && res.Total.Objects == garbage:
			tr.outcome = outComplete
		case quiet:
			return fmt.Errorf("only %d objects were removed, without an error", res.Total.Objects)
		default:
			tr.outcome = saidPart
		}
		if err := c.whole(filepath.Join(dir, "probe"), w.new); err != nil {
			return err
		}
		for _, ahead := range []time.Duration{due, 3 * gcDay, 5 * gcDay} {
			if _, err := collectAt(c.Store, ahead); err != nil {
				return fmt.Errorf("collection without the fault: %w", err)
			}
		}
		return errors.Join(c.exact(), c.whole(filepath.Join(dir, "again"), w.new))
	}))
}

// lagging is a store whose listings show an earlier state: objects written since are missing or
// have their old version, and objects removed since are still listed. Reads are up to date.
type lagging struct {
	store.Collector
	then      []store.Entry
	manifests bool // only the listings of manifests lag
}

// List implements store.Collector.
func (l *lagging) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		list := l.then
		if l.manifests {
			list = nil
			for _, e := range l.then {
				if kind, _ := snapshot.KindOf(e.Name); kind == snapshot.KindManifest {
					list = append(list, e)
				}
			}
			for e, err := range l.Collector.List(ctx, prefix) {
				if kind, _ := snapshot.KindOf(e.Name); err == nil && kind != snapshot.KindManifest {
					list = append(list, e)
				}
			}
		}
		for _, e := range list {
			if strings.HasPrefix(e.Name, prefix) && !yield(e, nil) {
				return
			}
		}
	}
}

// TestFaultsLaggingList: jobs save, branches close and come back, and a collection sees the listing
// of each earlier moment. No manifest ever names an object that is gone.
func TestFaultsLaggingList(t *testing.T) {
	w := smallProject(t)
	closed := closedCaches(t)
	type step struct {
		name string
		do   func(c *collectWorld) error
	}
	comesBack := step{"the branch comes back", (*collectWorld).saveClosed}
	mainSaves := step{"main saves", func(c *collectWorld) error { return w.save(c.Store, w.after) }}
	closes := step{"the branch closes", (*collectWorld).dropClosed}
	collects := step{"collection", func(c *collectWorld) error { _, err := collectAt(c.Store, due); return err }}
	var trials []*trial
	for _, steps := range [][]step{{comesBack, mainSaves, closes}, {collects, comesBack, mainSaves}, {mainSaves, comesBack, collects}} {
		for now := 1; now <= len(steps); now++ {
			for seen := range now {
				for _, manifests := range []bool{false, true} {
					var names []string
					for _, s := range steps[:now] {
						names = append(names, s.name)
					}
					kind := map[bool]string{false: "all listings", true: "listing of manifests"}[manifests]
					at := fmt.Sprintf("%s as before step %d of %s", kind, seen+1, strings.Join(names, ", "))
					trials = append(trials, &trial{fault: "LIST lags", command: "gc", at: at, kind: kind, run: func(tr *trial, dir string) error {
						c, err := w.newCollectWorld(dir, closed, w.before)
						if err != nil {
							return err
						}
						lag := &lagging{Collector: c.Store, manifests: manifests}
						want := w.old
						for i, s := range steps[:now] {
							if i == seen {
								err = c.each(func(e store.Entry, _ snapshot.Kind) error { lag.then = append(lag.then, e); return nil })
							}
							if err = errors.Join(err, s.do(c)); err != nil {
								return err
							}
							if s.name == mainSaves.name {
								want = w.new
							}
						}
						start := time.Now()
						if _, err := collectAt(lag, due+time.Minute); err != nil {
							return err
						}
						tr.took, tr.outcome = time.Since(start), outComplete
						if err := c.whole(filepath.Join(dir, "probe"), want); err != nil {
							return err
						}
						for _, ahead := range []time.Duration{due + 2*time.Minute, 3 * gcDay, 5 * gcDay} {
							if _, err := collectAt(c.Store, ahead); err != nil {
								return err
							}
						}
						return errors.Join(c.exact(), c.whole(filepath.Join(dir, "again"), want))
					}})
				}
			}
		}
	}
	runTrials(t, trials)
}
