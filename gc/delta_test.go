package gc_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

// moduleJob is a module cache with one version of a module. Versions differ in one file of six.
type moduleJob struct {
	dir, scope, version, sum string
}

func newModuleJob(t testing.TB, scope, version string) *moduleJob {
	t.Helper()
	j := &moduleJob{dir: t.TempDir(), scope: scope, version: version}
	t.Cleanup(func() { osfile.RemoveAll(j.dir) })
	files := map[string]string{"f0.go": "package lib // " + version}
	for i := range 5 {
		files[fmt.Sprintf("f%d.go", i+1)] = strings.Repeat(fmt.Sprintf("// %d\n", i), 8_000)
	}
	j.sum = collecttest.GoModule(t, j.dir, module.Version{Path: "example.com/lib", Version: version}, files)
	return j
}

func (j *moduleJob) save(t testing.TB, st store.Store) {
	t.Helper()
	plan, err := keys.Derive(keys.Input{
		Name: "job", OS: "linux", Arch: "amd64", GoVersion: "go1.26.0",
		Files: []keys.File{{Path: "go.mod", Data: []byte("module example.com/m\n// " + j.version + "\n")}},
	})
	must(t, err)
	plan.Sums.Zip = map[module.Version]string{{Path: "example.com/lib", Version: j.version}: j.sum}
	// One transfer at a time: a collection within the save, whose clock is ahead, would take
	// another one that is under way for one that was given up.
	_, err = save.Run(context.Background(), save.Options{Store: st, Repo: repo, Scope: j.scope, Keys: plan, ModDir: j.dir, Concurrency: 1})
	must(t, err)
}

// mustHaveBases demands that each module that a manifest names is there, with a base if it needs
// one, and that this is the base that it was made for.
func mustHaveBases(t testing.TB, st store.Collector) (deltas int) {
	t.Helper()
	mustBeWhole(t, st)
	for _, m := range manifests(t, st) {
		for _, mod := range m.Modules {
			if mod.Base == nil {
				continue
			}
			deltas++
			data, _, err := store.Get(context.Background(), st, mod.Object, 1<<30)
			must(t, err)
			d, err := snapshot.ReadDelta(bytes.NewReader(data))
			if err != nil || d.BaseObject(mod.Object) != mod.Base.Object {
				t.Errorf("%s is said to build upon %s, %+v, %v", mod.Object, mod.Base.Object, d, err)
			}
		}
	}
	return deltas
}

// dueDelta makes a store in which a delta and its base are due for removal, as packs are in due.
func dueDelta(t *testing.T) (st store.Collector, j *moduleJob, ahead time.Duration) {
	t.Helper()
	st = dirStore(t)
	newModuleJob(t, main, "v1.0.0").save(t, st)
	j = newModuleJob(t, main, "v1.1.0")
	j.save(t, st)
	if n := mustHaveBases(t, st); n != 2 {
		t.Fatalf("%d deltas are named, want one in two manifests", n)
	}
	drop(t, st, main)
	for _, n := range stored(t, st) {
		backdate(t, file(st, n), 40*day)
	}
	collect(t, st, -time.Hour)
	return st, j, 24 * time.Hour
}

// TestBaseIsNamed: what is only a base lives as long as a delta does that builds upon it.
func TestBaseIsNamed(t *testing.T) {
	st := dirStore(t)
	newModuleJob(t, main, "v1.0.0").save(t, st)
	// knows nothing of that version, so whole
	newModuleJob(t, "refs/heads/dev", "v1.1.0").save(t, st)
	newModuleJob(t, main, "v1.2.0").save(t, st)
	for _, n := range stored(t, st) {
		backdate(t, file(st, n), 100*day)
	}
	removeFirst(t, st)
	for _, ahead := range []time.Duration{0, 25 * time.Hour, 50 * time.Hour} {
		collect(t, st, ahead)
		if n := mustHaveBases(t, st); n == 0 {
			t.Fatal("no delta is named any more")
		}
	}
	if !slices.ContainsFunc(stored(t, st), func(n string) bool { return strings.Contains(n, "/@v/v1.0.0/") }) {
		t.Error("the base is gone")
	}
	drop(t, st, main)
	for _, ahead := range []time.Duration{60 * time.Hour, 90 * time.Hour} {
		collect(t, st, ahead)
	}
	if slices.ContainsFunc(stored(t, st), func(n string) bool { return strings.Contains(n, "/@v/v1.0.0/") || snapshot.IsDelta(n) }) {
		t.Errorf("left: %q", stored(t, st))
	}
}

// removeFirst removes the manifests that name the first version itself.
func removeFirst(t *testing.T, st store.Collector) {
	t.Helper()
	removed := 0
	for _, n := range names(t, st) {
		if k, _ := snapshot.KindOf(n); k != snapshot.KindManifest {
			continue
		}
		m, err := snapshot.DecodeManifest(readObject(t, st, n))
		must(t, err)
		if slices.ContainsFunc(m.Modules, func(m snapshot.Module) bool { return m.Version == "v1.0.0" }) {
			if failed := st.Delete(context.Background(), []string{n}); failed != nil {
				t.Fatal(failed)
			}
			removed++
		}
	}
	if removed == 0 {
		t.Fatal("no manifest names the first version")
	}
}

func readObject(t *testing.T, st store.Store, name string) []byte {
	t.Helper()
	data, _, err := store.Get(context.Background(), st, name, 1<<30)
	must(t, err)
	return data
}

// TestDeltaWithinCollection runs a save that needs a delta and a base which are about to be removed
// before each step of a collection, and the other way round. No manifest ever names either without
// the other being there.
func TestDeltaWithinCollection(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st, j, ahead := dueDelta(t)
		ran = false
		collect(t, during(st, n, func() { ran = true; j.save(t, st) }), ahead)
		mustHaveBases(t, st)
		j.save(t, st)
		mustHaveBases(t, st)
		collect(t, st, ahead+time.Hour)
		mustHaveBases(t, st)
	}
	for n, ran := int64(1), true; ran; n++ {
		st, j, ahead := dueDelta(t)
		ran = false
		j.save(t, during(st, n, func() { ran = true; collect(t, st, ahead) }))
		mustHaveBases(t, st)
		j.save(t, st)
		mustHaveBases(t, st)
	}
}

// TestTwoDeltasWithinCollection: of two saves that want to store the same version upon different
// bases, beside a collection, both name what is there.
func TestTwoDeltasWithinCollection(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st := dirStore(t)
		newModuleJob(t, main, "v1.0.0").save(t, st)
		newModuleJob(t, "refs/heads/dev", "v1.2.0").save(t, st)
		for _, n := range stored(t, st) {
			backdate(t, file(st, n), 40*day)
		}
		first, second := newModuleJob(t, main, "v1.1.0"), newModuleJob(t, "refs/heads/dev", "v1.1.0")
		ran = false
		first.save(t, during(st, n, func() {
			ran = true
			second.save(t, st)
			drop(t, st, "refs/heads/dev")
			collect(t, st, 0)
		}))
		for _, ahead := range []time.Duration{25 * time.Hour, 50 * time.Hour} {
			mustHaveBases(t, st)
			collect(t, st, ahead)
		}
		if deltas := mustHaveBases(t, st); deltas == 0 && ran {
			t.Errorf("step %d: no delta is named", n)
		}
	}
}

// TestDeltaWrittenAnew: a collection removes a delta, and another save writes one in its place that
// builds upon something else, at each step of a save that could need the first. No manifest ever
// says of it what it was.
func TestDeltaWrittenAnew(t *testing.T) {
	deltas := 0
	for n, ran := int64(1), true; ran; n++ {
		st, first, ahead := dueDelta(t)
		newModuleJob(t, "refs/heads/old", "v1.0.0").save(t, st) // so that the first base stays
		newModuleJob(t, "refs/heads/dev", "v1.2.0").save(t, st)
		second := newModuleJob(t, "refs/heads/dev", "v1.1.0")
		ran = false
		first.save(t, during(st, n, func() {
			ran = true
			collect(t, st, ahead)
			second.save(t, st)
		}))
		deltas += mustHaveBases(t, st)
		drop(t, st, "refs/heads/dev")
		for _, more := range []time.Duration{25 * time.Hour, 50 * time.Hour} {
			collect(t, st, ahead+more)
			mustHaveBases(t, st)
		}
	}
	if deltas == 0 {
		t.Error("no delta was written anew")
	}
}
