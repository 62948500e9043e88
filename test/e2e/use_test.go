package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestUseDecides: of a snapshot that is some days old, only the entries that the job used are kept;
// then the packs that are mostly dead are repacked.
func TestUseDecides(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	old := time.Now().Add(-5 * 24 * time.Hour)
	files, _ := filepath.Glob(filepath.Join(shared.Build, "*", "*-[ad]"))
	for _, f := range files {
		e2etest.Must(t, os.Chtimes(f, old, old))
	}
	first := shared.Save(t, st)
	shared.Wipe(t)
	res := shared.Restore(t, st)
	// go build marks the entries that it uses, and not those that vet, test and run need.
	if out, err := shared.GoCommand("off", "build", "./lib"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	maxAge := func(o *save.Options) { o.State, o.MaxAge = &res.State, 2*24*time.Hour }
	trimmed := shared.Save(t, st, maxAge)
	m := shared.Manifest(t, st)
	if trimmed.Build.Trimmed == 0 || len(m.Actions) == 0 || trimmed.Build.Trimmed+len(m.Actions) < first.Build.Uploaded {
		t.Fatalf("%d actions are left; %+v", len(m.Actions), trimmed.Build)
	}
	live := m.LiveBytes()
	for i, p := range m.Packs {
		if live[i] < p.Raw/2 {
			t.Errorf("pack %s has %d live bytes of %d", p.Object, live[i], p.Raw)
		}
	}
	shared.Wipe(t)
	if res := shared.Restore(t, st); len(res.Losses) > 0 {
		t.Errorf("losses: %+v", res.Losses)
	}
	out, err := shared.GoCommand("off", "build", "-x", "./lib")
	if err != nil || e2etest.Tool.MatchString(out) {
		t.Errorf("a used entry is not there: %v: %s", err, e2etest.Tool.FindString(out))
	}
}

// TestUseIsAskedRarely: the go command is asked which modules are in use if a record could be a day
// too old, if a module would be dropped, or if a size limit makes the order matter. It is not asked
// for jobs in quick succession.
func TestUseIsAskedRarely(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	asked := 0
	ask := func(at time.Duration, change func(*save.Options)) int {
		t.Helper()
		before := asked
		shared.Save(t, st, func(o *save.Options) {
			o.MaxAge = 14 * day
			o.Now = func() time.Time { return time.Now().Add(at) }
			o.ModuleUse = func(context.Context) (map[module.Version]bool, error) {
				asked++
				used := map[module.Version]bool{}
				for v := range o.Keys.Sums.Zip {
					used[v] = true
				}
				return used, nil
			}
			if change != nil {
				change(o)
			}
		})
		return asked - before
	}
	for _, step := range []struct {
		name   string
		at     time.Duration
		change func(*save.Options)
		want   int
	}{
		{"first save after a job that fetched everything", 0, nil, 0},
		{"an hour later", time.Hour, nil, 0},
		{"with a bound of the size", 2 * time.Hour, func(o *save.Options) { o.MaxModules = 1 << 40 }, 1},
		{"two days later", 2 * day, nil, 1},
		{"two days and an hour later", 2*day + time.Hour, nil, 0},
		{"when modules would go soon", 2*day + 2*time.Hour, func(o *save.Options) { o.MaxAge = day + time.Minute }, 1},
		{"a save whose clock is behind", -2 * day, nil, 1},
	} {
		if got := ask(step.at, step.change); got != step.want {
			t.Errorf("%s: asked %d times, want %d", step.name, got, step.want)
		}
	}
	if m := shared.Manifest(t, st); len(m.Modules) != 3 {
		t.Errorf("%d modules are left", len(m.Modules))
	}
}
