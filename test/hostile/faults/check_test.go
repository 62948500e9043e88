package faults

import (
	"cmp"
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

// longAgo is the time of files that tests make: long enough ago that nothing takes them for being
// written just now.
var longAgo = time.Now().Add(-10 * time.Minute)

// expectation is what a fault must lead to.
type expectation struct {
	recovers bool  // the run completes as if nothing had been
	err      error // if there is an error, it is this one; nil: any
}

// said checks that an error tells what went wrong with which thing.
func (e expectation) said(err error) error {
	switch {
	case err == nil:
		return nil
	case e.recovers:
		return fmt.Errorf("should have been overcome: %w", err)
	case e.err != nil && !errors.Is(err, e.err):
		return fmt.Errorf("the error is not %q: %w", e.err, err)
	case errors.Is(err, context.DeadlineExceeded):
		// the time of the whole run, of which no object is to blame
		return nil
	case !strings.Contains(err.Error(), "v2/"):
		return fmt.Errorf("the error names no object: %w", err)
	}
	return nil
}

// probe restores on a clean path to an empty place, and demands that everything comes which the
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

// held is what the snapshot of a store brings back. It is restored once for each state of the
// store: entries with their places, and the versions of all objects. On S3 these follow from the
// bytes, so that trials which lead to the same share it.
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

// faultySave saves job over a store that holds the old snapshot, by way of a fault, and checks what
// must hold afterwards: it ended in time, said what went wrong, the store holds the old or the new
// snapshot whole, and a save without the fault completes. want is the new snapshot.
func (w *smallWorld) faultySave(tr *trial, dir string, faulty, clean store.Store, job caches, want contents, e expectation) error {
	before, err := named(clean)
	if err != nil {
		return err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(tr.timeout, 2*trialBound))
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
		return errors.New("not saved, without a word")
	case quiet:
		tr.outcome = outComplete
		return w.sameLatest(clean)
	}
	return w.saveAgain(dir, clean, job, want)
}

// oldOrNew tells which snapshot the store holds. before is what named said when it held the old
// one.
func (w *smallWorld) oldOrNew(dir string, clean store.Store, before map[string]store.Version, want contents) (string, error) {
	after, err := named(clean)
	if err != nil {
		return "", err
	}
	if maps.Equal(before, after) { // no need to read what is as it was
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

// named returns the versions of all manifests, and of what they name.
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
				return nil, fmt.Errorf("%s is not there, and %s names it", n, name)
			}
			all[n] = listed[n]
		}
	}
	return all, nil
}

// orNil makes an error printable where there is none.
func orNil(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// saveAgain is the next run of the job, with nothing in its way.
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

// faultyRestore restores a snapshot, want, by way of a fault, and checks what must hold afterwards:
// it ended in time and said what went wrong; nothing is in the caches that the snapshot has not;
// the go command accepts them; and a restore without the fault completes them. It returns what the
// save of the same job would know.
func (w *smallWorld) faultyRestore(tr *trial, dir string, faulty, clean store.Store, want contents, e expectation) (*jobstate.State, error) {
	c := cachesIn(filepath.Join(dir, "caches"))
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(tr.timeout, 2*trialBound))
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
		return nil, fmt.Errorf("lost without a word: %s", missing)
	default:
		tr.outcome = saidPart
	}
	if err := errors.Join(c.leftovers(), w.accept(c, got, filepath.Join(dir, "go"))); err != nil {
		return nil, err
	}
	return &res.State, w.restoreAgain(c, clean, want)
}

// restoreAgain completes what a faulty restore left.
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

// leftovers looks for what a run must remove when it ends by itself.
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

// accept demands that the go command builds with the caches and verifies the modules. It works on a
// copy, and once for each state.
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

// askGo builds. Where nothing is missing, the go command must need neither a proxy nor a compiler.
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

// states counts the states of caches that the go command was asked about, and those of stores that
// were restored.
func (w *smallWorld) states() (ofCaches, ofStores int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.accepted), len(w.probed)
}
