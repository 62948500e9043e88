package save

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// upgrader is a project that upgrades one module from version to version.
type upgrader struct {
	st    store.Store
	mem   *memory
	now   time.Time
	state *jobstate.State
}

func newUpgrader() *upgrader {
	mem := newMemory()
	u := &upgrader{st: mem, mem: mem, now: collecttest.Now}
	mem.clock = func() time.Time { return u.now }
	return u
}

// release has a file of 40 kB for each letter, which says what is in it.
func release(letters string) map[string]string {
	files := map[string]string{}
	for i, c := range letters {
		files[fmt.Sprintf("f%d.go", i)] = strings.Repeat(fmt.Sprintf("// %c %d\n", c, i), 5_000)
	}
	return files
}

// save saves a module cache that holds nothing but this version, under a key of its own. It returns
// the record of the module.
func (u *upgrader) save(t *testing.T, version string, files map[string]string) (snapshot.Module, *Result) {
	t.Helper()
	o := u.options(t, version, files)
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	u.now = u.now.Add(time.Minute)
	m := manifestAt(t, u.mem, snapshot.ManifestObject("r", "s", o.Keys.Key.Exact()))
	if m == nil || len(m.Modules) == 0 {
		return snapshot.Module{}, res
	}
	return m.Modules[0], res
}

// options are those of a save of a module cache that holds nothing but this version.
func (u *upgrader) options(t *testing.T, version string, files map[string]string) Options {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { osfile.RemoveAll(dir) })
	v := module.Version{Path: "example.com/lib", Version: version}
	sum := collecttest.GoModule(t, dir, v, files)
	key := testKey
	key.Digest = version
	return Options{
		Store: u.st, Repo: "r", Scope: "s", ModDir: dir, State: u.state, Now: func() time.Time { return u.now },
		Keys: keys.Plan{Key: key, Sums: keys.Sums{Zip: map[module.Version]string{v: sum}}},
	}
}

// forget removes the snapshots.
func (u *upgrader) forget() {
	for name := range u.mem.objects {
		if strings.Contains(name, "/snapshots/") {
			u.mem.remove(name)
		}
	}
}

func baseVersion(m snapshot.Module) string {
	if m.Base == nil {
		return ""
	}
	return m.Base.Version()
}

// TestDeltas: a version that mostly repeats another is stored as a delta, always upon one that is
// stored whole, though no snapshot but those of deltas names that any more. One that has less in
// common is stored whole, and is what the next ones build upon.
func TestDeltas(t *testing.T) {
	u := newUpgrader()
	packs := int64(0)
	for _, c := range []struct {
		version, files, base string
	}{
		{"v1.0.0", "aaaaaa", ""},
		{"v1.1.0", "baaaaa", "v1.0.0"},
		{"v1.2.0", "caaaaa", "v1.0.0"},
		{"v1.3.0", "dddaaa", ""},
		{"v1.4.0", "dddaae", "v1.3.0"},
	} {
		rec, res := u.save(t, c.version, release(c.files))
		if baseVersion(rec) != c.base || snapshot.IsDelta(rec.Object) != (c.base != "") || len(res.Warnings) > 0 || res.Modules.Uploaded != 1 {
			t.Fatalf("%s: %+v, base %+v, %+v", c.version, rec, rec.Base, res)
		}
		stored, err := u.mem.get(rec.Object)
		if err != nil || int64(len(stored.data)) != rec.Size {
			t.Errorf("%s: %d bytes, %+v, %v", c.version, len(stored.data), rec, err)
		}
		if rec.Base == nil {
			packs = res.StoredBytes - rec.Size + 10
			continue
		}
		d, err := snapshot.ReadDelta(bytes.NewReader(stored.data))
		base, baseErr := u.mem.get(rec.Base.Object)
		if err != nil || baseErr != nil || d.BaseObject(rec.Object) != rec.Base.Object || int64(len(base.data)) != rec.Base.Size || d.Files != 6 {
			t.Errorf("%s: %+v, %v, %v", c.version, d, err, baseErr)
		}
		if least := rec.Size + rec.Base.Size; res.StoredBytes <= least || res.StoredBytes > least+packs {
			t.Errorf("%s: %d bytes stored, want %d and what packs take, at most %d", c.version, res.StoredBytes, least, packs)
		}
	}
	before := len(u.mem.objects)
	u.now = u.now.Add(-time.Minute)
	if _, res := u.save(t, "v1.4.0", release("dddaae")); res.Written || len(u.mem.objects) != before {
		t.Errorf("a second save of the same: %+v", res)
	}
}

const (
	oldVersion, newVersion = "v1.0.0", "v1.1.0"
	oldFiles, newFiles     = "aaaaaa", "baaaaa"
)

// ignoring ignores the conditions of writes.
type ignoring struct{ *memory }

func (i ignoring) Put(ctx contextOf, name string, body io.Reader, size int64, _ store.Condition) (store.Info, error) {
	return i.memory.Put(ctx, name, body, size, store.Condition{})
}

// TestDeltaOrWhole: whatever has become of a delta and its base, the snapshot names a module that
// is there, with all that it needs.
func TestDeltaOrWhole(t *testing.T) {
	files := release(newFiles)
	for name, c := range map[string]struct {
		other  bool // another repository has stored the delta
		change func(t *testing.T, u *upgrader, base, delta string)
		want   string // "delta", "whole"
		upload bool
	}{
		"nothing there":        {want: "delta", upload: true},
		"stored by another":    {other: true, want: "delta"},
		"its base is gone":     {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) { u.mem.remove(base) }},
		"base is gone":         {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) { u.mem.remove(base) }},
		"base is another size": {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) { u.mem.replace(base, []byte("x"), store.Condition{}) }},
		"base has no list": {want: "whole", upload: true, change: func(t *testing.T, u *upgrader, base, _ string) {
			o, _ := u.mem.get(base)
			u.mem.replace(base, make([]byte, len(o.data)), store.Condition{})
		}},
		"delta is junk": {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, delta string) {
			u.mem.replace(delta, []byte("junk"), store.Condition{})
		}},
		"delta is cut off": {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, delta string) {
			o, _ := u.mem.get(delta)
			u.mem.replace(delta, o.data[:20], store.Condition{})
		}},
		"delta names a version that no object can have": {other: true, want: "whole", upload: true, change: forgeBase("v1 0/" + hex64)},
		"delta names a version of 300 bytes":            {other: true, want: "whole", upload: true, change: forgeBase("v1.0.0-" + strings.Repeat("a", 293) + "/" + hex64)},
		"delta names its own whole object": {other: true, want: "whole", upload: true, change: func(t *testing.T, u *upgrader, _, delta string) {
			whole := strings.TrimSuffix(delta, "-delta")
			forgeBase(newVersion+"/"+path.Base(whole))(t, u, "", delta)
			looked := 0
			u.mem.before = func(op, name string, _ io.Reader) error {
				if name == whole && op == "stat" {
					if looked++; looked == 2 { // another save has just stored it
						u.mem.replace(whole, []byte("x"), store.Condition{})
					}
				}
				return nil
			}
		}},
		"delta is replaced while it is read": {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, delta string) {
			u.mem.before = failing(delta, store.ErrConflict)
		}},
		"base is replaced while it is read": {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) {
			u.mem.before = failing(base, store.ErrConflict)
		}},
		"the restore found the delta damaged": {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, delta string) {
			u.state = damaged(u, delta)
		}},
		"the restore found the base damaged": {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) {
			u.state = damaged(u, base)
		}},
		"the restore found the base of the stored delta damaged": {other: true, want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, base, _ string) {
			u.state = damaged(u, base)
		}},
		"delta noted": {other: true, want: "whole", upload: true, change: func(t *testing.T, u *upgrader, _, delta string) {
			putNotes(t, u.mem, nil, delta)
		}},
		"delta noted and removed": {want: "whole", upload: true, change: func(t *testing.T, u *upgrader, _, delta string) {
			putNotes(t, u.mem, nil, delta)
		}},
		"both noted": {other: true, want: "whole", upload: true, change: func(t *testing.T, u *upgrader, base, delta string) {
			u.forget()
			putNotes(t, u.mem, nil, base, delta)
		}},
		"base noted, delta not": {other: true, want: "delta", change: func(t *testing.T, u *upgrader, base, _ string) {
			u.forget()
			putNotes(t, u.mem, nil, base)
		}},
		"no snapshot names either": {other: true, want: "delta", change: func(_ *testing.T, u *upgrader, _, _ string) { u.forget() }},
		"base noted": {want: "whole", upload: true, change: func(t *testing.T, u *upgrader, base, _ string) {
			putNotes(t, u.mem, nil, base)
		}},
		"the store ignores conditions": {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, _ string) { u.st = ignoring{u.mem} }},
		"the store has no conditions":  {want: "whole", upload: true, change: func(_ *testing.T, u *upgrader, _, _ string) { u.st = lax{u.mem, true} }},
		"another save was faster": {want: "delta", change: func(t *testing.T, u *upgrader, base, delta string) {
			stored := storedDelta(t, files)
			u.mem.before = func(op, name string, _ io.Reader) error {
				if op == "put" && name == delta {
					u.mem.before = nil
					u.mem.replace(delta, stored, store.Condition{})
				}
				return nil
			}
		}},
		"another save was faster, and its base is gone": {want: "whole", upload: true, change: func(t *testing.T, u *upgrader, base, delta string) {
			stored := storedDelta(t, files)
			u.mem.before = func(op, name string, _ io.Reader) error {
				if op == "put" && name == delta {
					u.mem.before = nil
					u.mem.replace(delta, stored, store.Condition{})
					u.mem.remove(base)
				}
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpgrader()
			old, _ := u.save(t, oldVersion, release(oldFiles))
			delta := strings.Replace(storedName(t, files), "-delta", "", 1) + "-delta"
			if c.other {
				u.mem.replace(delta, storedDelta(t, files), store.Condition{})
			}
			if c.change != nil {
				c.change(t, u, old.Object, delta)
			}
			rec, res := u.save(t, newVersion, files)
			if got := map[bool]string{true: "delta", false: "whole"}[snapshot.IsDelta(rec.Object)]; got != c.want || (res.Modules.Uploaded == 1) != c.upload {
				t.Fatalf("%s, %+v, %q", got, res.Modules, res.Warnings)
			}
			if o, err := u.mem.get(rec.Object); err != nil || int64(len(o.data)) != rec.Size {
				t.Errorf("%+v, %v", rec, err)
			}
			if _, err := u.mem.get(delta); strings.HasPrefix(name, "the store") && err == nil {
				t.Errorf("a delta was written")
			}
			if c.want == "whole" {
				return
			}
			if o, err := u.mem.get(rec.Base.Object); err != nil || int64(len(o.data)) != rec.Base.Size || *rec.Base != (snapshot.Base{Object: old.Object, Size: old.Size, Files: old.Files, Bytes: old.Bytes}) {
				t.Errorf("%+v, %v", rec.Base, err)
			}
		})
	}
}

// storedDelta is what another repository stores for the new version, upon the same old one.
func storedDelta(t *testing.T, files map[string]string) []byte {
	t.Helper()
	u := newUpgrader()
	u.save(t, oldVersion, release(oldFiles))
	rec, _ := u.save(t, newVersion, files)
	o, err := u.mem.get(rec.Object)
	if err != nil || !snapshot.IsDelta(rec.Object) {
		t.Fatalf("%+v, %v", rec, err)
	}
	return o.data
}

func storedName(t *testing.T, files map[string]string) string {
	t.Helper()
	rec, _ := newUpgrader().save(t, newVersion, files)
	return rec.Object
}

func damaged(u *upgrader, object string) *jobstate.State {
	return &jobstate.State{Store: u.mem.String(), Repo: "r", Damaged: []jobstate.Damage{{Object: object, Frame: -1}}}
}

// TestDeltaInDoubt: a module whose base a collection may be removing at this moment is not named.
func TestDeltaInDoubt(t *testing.T) {
	u := newUpgrader()
	old, _ := u.save(t, oldVersion, release(oldFiles))
	files := release(newFiles)
	name := storedName(t, files) + "-delta"
	u.mem.replace(name, storedDelta(t, files), store.Condition{})
	u.forget()
	putNotes(t, u.mem, []gcnotes.Collection{{ID: "c", Start: u.now}}, old.Object)
	rec, res := u.save(t, newVersion, files)
	if rec.Object != "" || !slices.ContainsFunc(res.Warnings, func(w string) bool { return strings.Contains(w, "garbage collection") }) {
		t.Errorf("%+v, %q", rec, res.Warnings)
	}
}

// TestBaseIsTouched: what is built upon does not age before what needs it.
func TestBaseIsTouched(t *testing.T) {
	u := newUpgrader()
	old, _ := u.save(t, oldVersion, release(oldFiles))
	u.now = u.now.Add(refreshAge + time.Hour)
	if rec, _ := u.save(t, newVersion, release(newFiles)); rec.Base == nil {
		t.Fatalf("%+v", rec)
	}
	if o, err := u.mem.get(old.Object); err != nil || u.now.Sub(o.time) > time.Hour {
		t.Errorf("the base is of %s, %v", o.time, err)
	}
}

// TestDeltaOfWrongTree: a tree that is not what its hash says is not stored as a delta either.
func TestDeltaOfWrongTree(t *testing.T) {
	u := newUpgrader()
	u.save(t, oldVersion, release(oldFiles))
	dir := t.TempDir()
	v := module.Version{Path: "example.com/lib", Version: newVersion}
	sum := collecttest.GoModule(t, dir, v, release(newFiles))
	if err := os.WriteFile(filepath.Join(dir, "example.com/lib@"+newVersion, "f0.go"), []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	key := testKey
	key.Digest = newVersion
	res, err := Run(t.Context(), Options{
		Store: u.st, Repo: "r", Scope: "s", ModDir: dir, Now: func() time.Time { return u.now },
		Keys: keys.Plan{Key: key, Sums: keys.Sums{Zip: map[module.Version]string{v: sum}}},
	})
	if err != nil || res.Modules.Skipped != 1 || !strings.Contains(strings.Join(res.Warnings, "\n"), sum) {
		t.Errorf("%+v, %v", res, err)
	}
	for name := range u.mem.objects {
		if strings.Contains(name, "/@v/"+newVersion+"/") {
			t.Errorf("%s was stored", name)
		}
	}
}
