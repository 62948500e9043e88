package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// longAgo is the time of files that tests make: long enough ago that they do not count as just
// written.
var longAgo = time.Now().Add(-10 * time.Minute)

// expectation is the result that a fault must have.
type expectation struct {
	recovers bool  // the run completes as if there had been no fault
	err      error // if there is an error, it must be this one; nil: any
}

// said checks that an error says what went wrong, and with which object.
func (e expectation) said(err error) error {
	switch {
	case err == nil:
		return nil
	case e.recovers:
		return fmt.Errorf("the fault should have been overcome: %w", err)
	case e.err != nil && !errors.Is(err, e.err):
		return fmt.Errorf("the error is not %q: %w", e.err, err)
	case errors.Is(err, context.DeadlineExceeded):
		// the time for the whole run is over, so there is no object to name
		return nil
	case !strings.Contains(err.Error(), "v2/"):
		return fmt.Errorf("the error names no object: %w", err)
	}
	return nil
}

// probe restores to an empty directory from a store without faults, and demands everything that the
// snapshot names.
func (w *smallWorld) probe(st store.Store, dir string) (contents, error) {
	c := cachesIn(dir)
	defer osfile.RemoveAll(dir)
	res, err := restore.Run(context.Background(), w.restoreOptions(st, c))
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	if res.Matched == nil || !res.Matched.Exact || len(res.Losses) > 0 || len(res.Warnings) > 0 {
		return nil, fmt.Errorf("probe: matched %+v, lost %+v, warnings %q", res.Matched, res.Losses, res.Warnings)
	}
	return c.contents()
}

// held returns what a restore of the store's snapshot brings. It restores once for each state of
// the store, which is given by the entries with their places and the versions of all objects. On S3
// the versions depend on the bytes alone, so trials that lead to the same state share one restore.
func (w *smallWorld) held(st store.Store, dir string) (contents, error) {
	objects, err := named(st)
	if err != nil {
		return nil, err
	}
	exact := snapshot.ManifestObject("r", e2etest.MainScope, w.plan.Key.Exact())
	data, _, err := store.Get(context.Background(), st, exact, snapshot.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := snapshot.DecodeManifest(data)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for i := range m.Actions {
		m.Actions[i].LastUse = 0
	}
	fmt.Fprintln(h, m.Packs, m.Outputs, m.Actions, m.Trees)
	for _, mod := range m.Modules {
		mod.LastUse = 0
		fmt.Fprintln(h, mod)
	}
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if kind, _ := snapshot.KindOf(name); kind != snapshot.KindManifest {
			fmt.Fprintln(h, name, objects[name])
		}
	}
	w.mu.Lock()
	key := [32]byte(h.Sum(nil))
	probe := w.probed[key]
	if probe == nil {
		probe = sync.OnceValues(func() (contents, error) { return w.probe(st, dir) })
		w.probed[key] = probe
	}
	w.mu.Unlock()
	return probe()
}

// faultySave saves job through a fault, to a store that holds the old snapshot, and checks what
// must hold afterwards: the save ended in time and said what went wrong, the store holds the old or
// the new snapshot whole, and a save without the fault completes. want is the new snapshot.
func (w *smallWorld) faultySave(tr *trial, dir string, faulty, clean store.Store, job caches, want contents, e expectation) error {
	before, err := named(clean)
	if err != nil {
		return err
	}
	start := time.Now()
	ctx, cancel := tr.context()
	defer cancel()
	res, serr := save.Run(ctx, w.saveOptions(faulty, job))
	tr.took = time.Since(start)
	if err := e.said(serr); err != nil {
		return err
	}
	quiet := serr == nil && len(res.Warnings) == 0
	if tr.outcome, err = w.oldOrNew(dir, clean, before, want); err != nil {
		return fmt.Errorf("after %w, warnings %q: %w", orNil(serr), res.Warnings, err)
	}
	switch {
	case quiet && tr.outcome == saidOld:
		return errors.New("not saved, without an error or a warning")
	case quiet:
		tr.outcome = outComplete
		return w.sameLatest(clean)
	}
	return w.saveAgain(dir, clean, job, want)
}

// oldOrNew reports which snapshot the store holds. before is what named returned for the old one.
func (w *smallWorld) oldOrNew(dir string, clean store.Store, before map[string]store.Version, want contents) (string, error) {
	after, err := named(clean)
	if err != nil {
		return "", err
	}
	if maps.Equal(before, after) { // there is no need to read an unchanged snapshot
		return saidOld, nil
	}
	got, err := w.held(clean, filepath.Join(dir, "probe"))
	if err != nil {
		return "", err
	}
	isNew := got.differs(want)
	switch {
	case isNew == "":
		return saidNew, nil
	case got.differs(w.old) == "":
		return saidOld, nil
	}
	return "", fmt.Errorf("the snapshot is neither old nor new: %s", isNew)
}

// named returns the versions of all manifests and of all objects that they name.
func named(st store.Store) (map[string]store.Version, error) {
	listed, all := map[string]store.Version{}, map[string]store.Version{}
	for e, err := range st.(store.Collector).List(context.Background(), snapshot.Root) {
		if err != nil {
			return nil, err
		}
		listed[e.Name] = e.Version
	}
	for name, version := range listed {
		if kind, _ := snapshot.KindOf(name); kind != snapshot.KindManifest {
			continue
		}
		data, _, err := store.Get(context.Background(), st, name, snapshot.MaxManifest)
		if err != nil {
			return nil, err
		}
		names, err := snapshot.Names(data)
		if err != nil {
			return nil, err
		}
		all[name] = version
		for _, n := range names {
			if listed[n] == "" {
				return nil, fmt.Errorf("%s does not exist, but %s names it", n, name)
			}
			all[n] = listed[n]
		}
	}
	return all, nil
}

// orNil returns an error that can be printed even if err is nil.
func orNil(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// saveAgain is the next run of the job, without the fault.
func (w *smallWorld) saveAgain(dir string, clean store.Store, job caches, want contents) error {
	res, err := save.Run(context.Background(), w.saveOptions(clean, job))
	if err != nil || len(res.Warnings) > 0 {
		return fmt.Errorf("save without the fault: %w, warnings %q", orNil(err), res.Warnings)
	}
	got, err := w.held(clean, filepath.Join(dir, "again"))
	if err != nil {
		return fmt.Errorf("after a save without the fault: %w", err)
	}
	if d := got.differs(want); d != "" {
		return fmt.Errorf("after a save without the fault: %s", d)
	}
	return w.sameLatest(clean)
}

// sameLatest checks that jobs with other module files start from the same snapshot.
func (w *smallWorld) sameLatest(st store.Store) error {
	var stored [2]*snapshot.Manifest
	for i, key := range [][]string{w.plan.Key.Exact(), w.plan.Key.Latest()} {
		data, _, err := store.Get(context.Background(), st, snapshot.ManifestObject("r", e2etest.MainScope, key), snapshot.MaxManifest)
		if err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		if stored[i], err = snapshot.DecodeManifest(data); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
	}
	if e, l := stored[0], stored[1]; !e.Writer.Time.Equal(l.Writer.Time) || len(e.Actions) != len(l.Actions) || len(e.Modules) != len(l.Modules) {
		return fmt.Errorf("latest has %d entries of %v, exact %d of %v", len(l.Actions), l.Writer.Time, len(e.Actions), e.Writer.Time)
	}
	return nil
}

// faultyRestore restores a snapshot, want, through a fault, and checks what must hold afterwards:
// the restore ended in time and said what went wrong, the caches hold nothing that the snapshot
// does not have, the go command accepts them, and a restore without the fault completes them. It
// returns the state that the save of the same job would get.
func (w *smallWorld) faultyRestore(tr *trial, dir string, faulty, clean store.Store, want contents, e expectation) (*jobstate.State, error) {
	c := cachesIn(filepath.Join(dir, "caches"))
	start := time.Now()
	ctx, cancel := tr.context()
	defer cancel()
	res, err := restore.Run(ctx, w.restoreOptions(faulty, c))
	tr.took = time.Since(start)
	if bad := e.said(err); bad != nil {
		return nil, bad
	}
	got, rerr := c.contents()
	if rerr != nil {
		return nil, rerr
	}
	for _, l := range res.Losses {
		if l.What == "" || l.Reason == "" || e.recovers {
			return nil, fmt.Errorf("loss %+v", l)
		}
	}
	missing, quiet := got.differs(want), err == nil && len(res.Losses) == 0
	switch {
	case got.beyond(want) != "":
		return nil, fmt.Errorf("after %w: in the caches: %s", orNil(err), got.beyond(want))
	case missing == "" && quiet:
		tr.outcome = outComplete
	case quiet:
		return nil, fmt.Errorf("lost without an error or a loss: %s", missing)
	default:
		tr.outcome = saidPart
	}
	if err := errors.Join(c.leftovers(), w.accept(c, got, filepath.Join(dir, "go"))); err != nil {
		return nil, err
	}
	return &res.State, w.restoreAgain(c, clean, want)
}

// restoreAgain completes the caches that a faulty restore left.
func (w *smallWorld) restoreAgain(c caches, clean store.Store, want contents) error {
	res, err := restore.Run(context.Background(), w.restoreOptions(clean, c))
	if err != nil || len(res.Losses) > 0 || len(res.Warnings) > 0 {
		return fmt.Errorf("restore without the fault: %w, lost %+v, warnings %q", orNil(err), res.Losses, res.Warnings)
	}
	got, err := c.contents()
	if err != nil {
		return err
	}
	if d := got.differs(want); d != "" {
		return fmt.Errorf("after a restore without the fault: %s", d)
	}
	return nil
}

// leftovers looks for files that a run must remove unless it is killed.
func (c caches) leftovers() error {
	var left error
	for _, dir := range []string{c.mod, c.build} {
		filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && (strings.Contains(d.Name(), "gocache-stage") && !strings.HasSuffix(d.Name(), ".lock") || strings.HasPrefix(d.Name(), ".tmp")) {
				left = fmt.Errorf("%s was left behind", p)
			}
			return nil
		})
	}
	return left
}

// accept demands that the go command builds with a copy of the caches and verifies the modules. It
// runs once for each state of the caches.
func (w *smallWorld) accept(c caches, state contents, dir string) error {
	w.mu.Lock()
	key := state.hash()
	check := w.accepted[key]
	if check == nil {
		check = sync.OnceValue(func() error { return w.askGo(c, state, dir) })
		w.accepted[key] = check
	}
	w.mu.Unlock()
	return check()
}

// askGo runs the go command. If the caches are complete, it must need neither a proxy nor a
// compiler.
func (w *smallWorld) askGo(c caches, state contents, dir string) error {
	work := cachesIn(dir)
	defer osfile.RemoveAll(dir)
	if err := copyCaches(c, work); err != nil {
		return err
	}
	proxy := osfiletest.FileURL(w.proxy)
	whole := state.differs(w.new) == "" || state.differs(w.newLarge) == ""
	if whole {
		proxy = "off"
	}
	for _, args := range [][]string{{"build", "-x", "./..."}, {"mod", "verify"}} {
		out, err := w.goRun(work, proxy, args...)
		if err != nil {
			return fmt.Errorf("the go command does not accept the caches: %w", err)
		}
		if line := e2etest.Tool.FindString(out); line != "" && whole {
			return fmt.Errorf("the go command had to run %s", line)
		}
	}
	_, err := os.Stat(filepath.Join(work.mod, "cache", "download", "example.com", "two", "@v", "v1.1.0.ziphash"))
	return err
}

// states returns the number of states of caches given to the go command, and of states of stores
// that were restored.
func (w *smallWorld) states() (ofCaches, ofStores int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.accepted), len(w.probed)
}
