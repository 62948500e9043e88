package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/save"
)

// TestUseDecides: of a snapshot that is days old, what the job used stays and the rest is dropped; then the packs that are
// mostly dead are written anew.
func TestUseDecides(t *testing.T) {
	st := dirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.reset(t)
	old := time.Now().Add(-5 * 24 * time.Hour)
	files, _ := filepath.Glob(filepath.Join(shared.build, "*", "*-[ad]"))
	for _, f := range files {
		must(t, os.Chtimes(f, old, old))
	}
	first := shared.save(t, st)
	shared.wipe(t)
	res := shared.restore(t, st)
	// go build marks what it uses; what vet, test and run need is left alone.
	if out, err := shared.goCommand("off", "build", "./lib"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	maxAge := func(o *save.Options) { o.State, o.MaxAge = &res.State, 2*24*time.Hour }
	trimmed := shared.save(t, st, maxAge)
	m := shared.manifest(t, st)
	if trimmed.Build.Trimmed == 0 || len(m.Actions) == 0 || trimmed.Build.Trimmed+len(m.Actions) < first.Build.Uploaded {
		t.Fatalf("%d actions are left, %+v", len(m.Actions), trimmed.Build)
	}
	live := m.LiveBytes()
	for i, p := range m.Packs {
		if live[i] < p.Raw/2 {
			t.Errorf("pack %s has %d of %d bytes alive", p.Object, live[i], p.Raw)
		}
	}
	shared.wipe(t)
	if res := shared.restore(t, st); len(res.Losses) > 0 {
		t.Errorf("losses: %+v", res.Losses)
	}
	out, err := shared.goCommand("off", "build", "-x", "./lib")
	if err != nil || tool.MatchString(out) {
		t.Errorf("what was used is not there: %v: %s", err, tool.FindString(out))
	}
}
