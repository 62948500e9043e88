package save

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// machine is a machine with small caches, and a store.
type machine struct {
	st                *memory
	mods, build, lint string
	sum               string
	now               time.Time
}

var alpha = module.Version{Path: "example.com/alpha", Version: "v1.0.0"}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{st: newMemory(), mods: t.TempDir(), build: t.TempDir(), lint: t.TempDir(), now: time.Now()}
	m.entry(t, "a1", "!<arch>\none")
	m.entry(t, "a2", "!<arch>\ntwo")
	m.sum = collecttest.GoModule(t, m.mods, alpha, map[string]string{"go.mod": "module example.com/alpha\n", "a.go": "package a"})
	collecttest.Write(t, filepath.Join(m.lint, "result"), "no issues")
	collecttest.Write(t, filepath.Join(m.build, "fuzz", "x", "FuzzX", "1"), "seed")
	return m
}

func (m *machine) entry(t *testing.T, action, output string) {
	t.Helper()
	collecttest.BuildEntry(t, m.build, action, output, m.now.Add(-time.Hour), m.now)
}

func (m *machine) options() Options {
	return Options{
		Store: m.st, Repo: "r", Scope: "s", ModDir: m.mods, BuildDir: m.build, Fuzz: true, StableTimes: true,
		Paths: []extradir.Path{{Name: "$LINT", Dir: m.lint}}, Keys: keys.Plan{Key: testKey, Sums: keys.Sums{Zip: map[module.Version]string{alpha: m.sum}}},
		Now: func() time.Time { return m.now },
	}
}

func (m *machine) save(t *testing.T, change func(*Options)) *Result {
	t.Helper()
	o := m.options()
	if change != nil {
		change(&o)
	}
	m.st.clock = o.Now
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestRun: the first save stores all kinds of content, the next one stores nothing, and one after a
// change stores only the change. A plan reports in advance what each of them does.
func TestRun(t *testing.T) {
	m := newMachine(t)
	step := func(name string, wantPlan string, want string) *Result {
		t.Helper()
		p, err := Plan(t.Context(), m.options())
		if err != nil {
			t.Fatal(err)
		}
		plan := fmt.Sprint(p.Written, " ", p.Modules.Upload, p.Build.Upload, p.Trees.Upload, p.Files.Upload, len(p.Objects))
		before := len(m.st.objects)
		res := m.save(t, nil)
		got := fmt.Sprint(res.Written, " ", res.Modules.Uploaded, res.Build.Uploaded, res.Packs.Uploaded, res.Files.Uploaded, len(m.st.objects)-before)
		if plan != wantPlan || got != want || len(res.Warnings)+len(p.Warnings) > 0 {
			t.Errorf("%s: planned %s, want %s; saved %s, want %s; %q %q", name, plan, wantPlan, got, want, res.Warnings, p.Warnings)
		}
		return res
	}
	// trees: the .info of the module, the corpus
	first := step("first", "true 1 2 2 1 2", "true 1 2 4 1 7")
	if first.BytesUploaded == 0 || first.BytesRead == 0 || first.Before != nil || first.After == nil || first.StoredBytes != first.After.Stored || first.Seconds != 0 || len(first.Objects) != 7 {
		t.Errorf("%+v", first)
	}
	second := step("nothing new", "false 0 0 0 0 0", "false 0 0 0 0 0")
	if second.Build.Stored != 2 || second.Modules.Stored != 1 || second.Files.Stored != 1 || len(second.Trend) != 1 || second.BytesUploaded != 0 {
		t.Errorf("%+v", second)
	}
	m.entry(t, "a3", "!<arch>\nthree")
	third := step("one entry", "true 0 1 0 0 2", "true 0 1 1 0 1")
	if third.Build.Stored != 2 || len(third.Trend) != 2 || third.Before == nil {
		t.Errorf("%+v", third)
	}
	collecttest.Write(t, filepath.Join(m.build, "fuzz", "x", "FuzzX", "2"), "more")
	collecttest.Write(t, filepath.Join(m.lint, "result"), "one issue")
	step("a tree and a file", "true 0 0 2 1 2", "true 0 0 2 1 2")
	got := manifestAt(t, m.st, exactName)
	if len(got.Actions) != 3 || len(got.Modules) != 1 || len(got.Trees) != 2 || len(got.Paths) != 1 {
		t.Errorf("%s", collecttest.Print(got))
	}
}

// TestRequests: a save makes these requests to the store. docs/scale.md lists such figures.
func TestRequests(t *testing.T) {
	m := newMachine(t)
	for _, c := range []struct{ name, want string }{
		// Two manifests and the notes; a module that is not stored, neither whole nor as a delta;
		// four packs, a module, and three writes of manifests, one of which tests that conditions
		// work.
		{"first", "map[open:4 put:8 stat:1]"},
		// Two manifests and the notes; four packs.
		{"again", "map[open:3 stat:4]"},
	} {
		m.st.counts = map[string]int64{}
		if res := m.save(t, nil); fmt.Sprint(res.Requests) != c.want {
			t.Errorf("%s: %v, want %s", c.name, res.Requests, c.want)
		}
	}
}

// TestLosses: an object that was lost in the store, or local content that does not match its name,
// affects nothing else, and the next save that has it repairs the store.
func TestLosses(t *testing.T) {
	first := func(st *memory, kind string) string {
		for name := range st.objects {
			if strings.Contains(name, "/"+kind+"/") {
				return name
			}
		}
		return ""
	}
	for name, c := range map[string]struct {
		spoil   func(t *testing.T, m *machine) *jobstate.State
		want    string // uploaded modules and packs, and whether a manifest is written
		warning string
	}{
		"nothing":        {func(*testing.T, *machine) *jobstate.State { return nil }, "0 0 false", ""},
		"a pack is gone": {func(_ *testing.T, m *machine) *jobstate.State { m.st.remove(first(m.st, "packs")); return nil }, "0 1 true", ""},
		"a module was found damaged": {func(_ *testing.T, m *machine) *jobstate.State {
			return &jobstate.State{Store: m.st.String(), Repo: "r", Time: m.now, Damaged: []jobstate.Damage{{Object: first(m.st, "modules"), Frame: -1}}}
		}, "1 0 true", ""},
		"all packs are noted": {func(t *testing.T, m *machine) *jobstate.State {
			var list []string
			for name := range m.st.objects {
				if strings.Contains(name, "/packs/") {
					list = append(list, name)
				}
			}
			putNotes(t, m.st, nil, list...)
			return nil
		}, "0 4 true", ""},
		"a collection is removing them": {func(t *testing.T, m *machine) *jobstate.State {
			putNotes(t, m.st, []gcnotes.Collection{{ID: "1", Start: m.now}}, first(m.st, "modules"))
			return nil
		}, "1 0 true", "1 objects are not named this time"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.save(t, nil)
			state := c.spoil(t, m)
			res := m.save(t, func(o *Options) { o.State = state })
			if got := fmt.Sprint(res.Modules.Uploaded, " ", res.Packs.Uploaded, " ", res.Written); got != c.want || !collecttest.Warnings(res.Warnings).Mention(c.warning) {
				t.Errorf("%s, want %s; %q", got, c.want, res.Warnings)
			}
		})
	}
}

// TestBadCaches: damaged local outputs and trees are not saved; everything else is.
func TestBadCaches(t *testing.T) {
	m := newMachine(t)
	id := fmt.Sprintf("%x", sha256.Sum256([]byte("!<arch>\none")))
	collecttest.Write(t, filepath.Join(m.build, id[:2], id+"-d"), "!<arch>\nONE")
	collecttest.Write(t, filepath.Join(m.mods, "example.com", "alpha@v1.0.0", "a.go"), "PACKAGE a")
	res := m.save(t, nil)
	if res.Build.Uploaded != 1 || res.Build.Skipped != 1 || res.Modules.Uploaded != 0 || res.Modules.Skipped != 1 || len(res.Warnings) != 2 {
		t.Errorf("%+v", res)
	}
	if got := manifestAt(t, m.st, exactName); len(got.Actions) != 1 || len(got.Modules) != 0 || len(got.Trees) != 2 {
		t.Errorf("%s", collecttest.Print(got))
	}
}

// TestTwoSaves: when two jobs save at once, nothing is lost.
func TestTwoSaves(t *testing.T) {
	m, n := newMachine(t), newMachine(t)
	n.st, n.now = m.st, m.now.Add(-time.Second) // it writes before ours
	n.entry(t, "b1", "!<arch>\nof the other")
	m.entry(t, "c1", "!<arch>\nof the first")
	once := false
	m.st.before = func(op, name string, _ io.Reader) error {
		if op == "put" && name == exactName && !once {
			once = true
			n.save(t, nil)
		}
		return nil
	}
	if res := m.save(t, nil); !res.Written || res.Build.Uploaded+res.Build.Stored != 4 {
		t.Errorf("%+v", res)
	}
	if got := manifestAt(t, m.st, latestName); len(got.Actions) != 4 || len(got.Modules) != 1 || len(got.Trend) != 2 {
		t.Errorf("%s", collecttest.Print(got))
	}
}

// TestReadOnly: a read-only job, or one that the store refuses, saves nothing, and the result says
// so.
func TestReadOnly(t *testing.T) {
	m := newMachine(t)
	res := m.save(t, func(o *Options) { o.ReadOnly = true })
	if !res.ReadOnly || res.Written || len(m.st.objects) > 0 || len(m.st.Requests()) > 0 {
		t.Errorf("%+v", res)
	}
}

// TestOutage: an error of the store ends a save in every phase. The result says what was uploaded,
// and the previous snapshot remains valid.
func TestOutage(t *testing.T) {
	for _, c := range []struct{ op, name string }{
		{"open", "snapshots"}, {"open", "gc/unnamed"}, {"stat", "modules"}, {"put", "packs"}, {"put", "modules"}, {"put", "snapshots"},
	} {
		m := newMachine(t)
		m.st.before = func(op, name string, _ io.Reader) error {
			if op == c.op && strings.Contains(name, c.name) {
				return store.ErrUnreachable
			}
			return nil
		}
		res, err := Run(t.Context(), m.options())
		if !errors.Is(err, store.ErrUnreachable) || res.Written || res.Key == "" || manifestAt(t, m.st, exactName) != nil {
			t.Errorf("%s of %s: %+v, %v", c.op, c.name, res, err)
		}
		if c.name == "snapshots" && c.op == "put" && (len(res.Objects) != 5 || res.Modules.Uploaded != 1) {
			t.Errorf("the result does not say what was uploaded: %+v", res)
		}
	}
}

// TestCancelled: a save ends with its context in every phase.
func TestCancelled(t *testing.T) {
	why := errors.New("time is up")
	for _, at := range []string{"look up", "scan", "upload", "publish"} {
		m := newMachine(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		o := m.options()
		o.Meter = new(report.Meter)
		m.st.before = func(op, name string, _ io.Reader) error {
			phase := map[bool]string{true: "publish", false: "upload"}[strings.Contains(name, "snapshots")]
			if op != "put" {
				phase = "look up"
			}
			if phase == at {
				cancel(why)
			}
			return context.Cause(ctx)
		}
		o.ModuleUse = func(context.Context) (map[module.Version]bool, error) { return nil, nil }
		o.MaxSize = 1 << 40 // makes the save ask the go command
		if at == "scan" {
			o.ModuleUse = func(context.Context) (map[module.Version]bool, error) { cancel(why); return nil, context.Cause(ctx) }
		}
		if _, err := Run(ctx, o); !errors.Is(err, why) || manifestAt(t, m.st, exactName) != nil {
			t.Errorf("%s: %v", at, err)
		}
		cancel(nil)
	}
}

// TestScanFails: if a cache cannot be listed, the error names it.
func TestScanFails(t *testing.T) {
	m := newMachine(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o := m.options()
	o.ModDir, o.Paths = file, nil
	if _, err := Run(t.Context(), o); err != nil && !strings.Contains(err.Error(), "module cache "+file) {
		t.Errorf("%v", err)
	}
}

// TestDescribed: the largest modules and outputs are listed on request.
func TestDescribed(t *testing.T) {
	m := newMachine(t)
	res := m.save(t, func(o *Options) { o.Describe = true })
	if res.Largest == nil || len(res.Largest.Modules) != 1 || len(res.Largest.Outputs) != 1 || res.Largest.Outputs[0].Count != 2 {
		t.Errorf("%+v", res.Largest)
	}
	if res := m.save(t, nil); res.Largest != nil {
		t.Errorf("%+v", res.Largest)
	}
	if res := m.save(t, func(o *Options) { o.Describe, o.BuildDir = true, "" }); res.Largest == nil || res.Largest.Outputs != nil {
		t.Errorf("%+v", res.Largest)
	}
}

// TestReuseAndDiffers: the result says what a job reused of its restore, and why it built so much.
func TestReuseAndDiffers(t *testing.T) {
	m := newMachine(t)
	first := m.save(t, nil)
	if first.Reuse != nil {
		t.Errorf("%+v", first.Reuse)
	}
	m.now = m.now.Add(2 * time.Hour)
	collecttest.BuildEntry(t, m.build, "made", "!<arch>\nmade", m.now.Add(-time.Minute), m.now)
	saved := manifestAt(t, m.st, exactName).Writer.Time
	state := &jobstate.State{
		Store: m.st.String(), Repo: "r", Time: m.now.Add(-time.Hour), Differs: []string{"directory"},
		Matched: &jobstate.Matched{Scope: "s", Key: testKey.Exact(), Saved: saved},
	}
	res := m.save(t, func(o *Options) { o.State = state })
	if res.Reuse == nil || res.Reuse.Made != 1 || len(res.Differs) != 1 || !collecttest.Warnings(res.Warnings).Mention("the job made 1 build entries") {
		t.Errorf("%+v, %q, %q", res.Reuse, res.Differs, res.Warnings)
	}
	if last := res.Trend[len(res.Trend)-1]; last.Made != 1 {
		t.Errorf("%+v", last)
	}
	state.ToldDiffers = true // by the restore
	if res := m.save(t, func(o *Options) { o.State = state }); len(res.Differs) != 1 || len(res.Warnings) != 0 {
		t.Errorf("%q, %q", res.Differs, res.Warnings)
	}
}

// TestOldSnapshotTrims: entries that were unused for long are dropped, with one clock for
// everything.
func TestOldSnapshotTrims(t *testing.T) {
	m := newMachine(t)
	m.save(t, nil)
	m.build, m.mods, m.lint = t.TempDir(), t.TempDir(), t.TempDir()
	m.now = m.now.Add(100 * time.Hour)
	m.entry(t, "new", "!<arch>\nnew")
	res := m.save(t, func(o *Options) { o.MaxAge = 48 * time.Hour })
	if res.Build.Trimmed != 2 || res.Modules.Trimmed != 1 || res.Files.Trimmed != 1 || res.Trim.Age.Count != 3 || res.Seconds != 0 {
		t.Errorf("%+v", res)
	}
	if got := manifestAt(t, m.st, exactName); len(got.Actions) != 1 || !got.Writer.Time.Equal(m.now.UTC().Truncate(time.Millisecond)) {
		t.Errorf("%s at %s", collecttest.Print(got), got.Writer.Time)
	}
	var names []string
	for name := range m.st.objects {
		if strings.HasPrefix(name, snapshot.Root) {
			names = append(names, name)
		}
	}
	if len(names) < 8 {
		t.Errorf("a save removes objects: %q", names)
	}
}
