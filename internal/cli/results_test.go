package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// TestRestoreResult: where no snapshot was found, nothing was there already, whatever modules the
// machine has.
func TestRestoreResult(t *testing.T) {
	found := restore.Result{Matched: &jobstate.Matched{}, Seconds: 0.1}
	written := found
	written.FilesWritten, written.BytesWritten = 1, 2<<20
	for want, o := range map[string]restoreOutput{
		"nothing to restore, looked in 0.10s":     {Result: &restore.Result{Modules: restore.Counts{Present: 4, Missing: 2}, Seconds: 0.1}},
		"all was there already, checked in 0.10s": {Result: &found},
		"restored 2.0 MiB in 0.10s":               {Result: &written},
		"restored only in part in 0.10s":          {Result: &written, partial: true},
	} {
		if got := o.result(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestReuseFact: time is named only where there was some.
func TestReuseFact(t *testing.T) {
	for want, u := range map[string]*save.Reuse{
		"":                         nil,
		"0 of 1,386 build entries": {Made: 1386},
		"904 of 907 build entries; making them took about 42.8s": {Reused: 904, Made: 3, Seconds: 42.8},
	} {
		if got := reuseFact(u); got != want {
			t.Errorf("%+v: %q, want %q", u, got, want)
		}
	}
	if got := reuseFact(new(save.Reuse)); got != "" {
		t.Errorf("a job that built nothing: %q", got)
	}
}

// TestHolds: a directory of another project is not a package of this one; --dir names it.
func TestHolds(t *testing.T) {
	root := filepath.Join(t.TempDir(), "shop")
	p := &project{dir: filepath.Join(root, "cmd"), keyFiles: 2, env: goEnv{GOMOD: filepath.Join(root, "go.mod")}}
	for name, want := range map[string]bool{
		"./...": true, "..": true, "../keys/...": true, "example.com/other": true, root: true, filepath.Join(root, "keys"): true,
		"../..": false, "../../cobra": false, filepath.Dir(root): false, root + "2": false,
	} {
		if err := p.holds([]string{"./x", name}); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.env.GOWORK = filepath.Join(filepath.Dir(root), "go.work")
	if err := p.holds([]string{"../../cobra"}); err != nil {
		t.Errorf("in a workspace: %v", err)
	}
	none := &project{dir: root, env: goEnv{GOMOD: os.DevNull}}
	if err := none.holds([]string{"./..."}); err == nil || none.noModule() == "" {
		t.Errorf("without go.mod: %v", err)
	}
	none.keyFiles = 1 // of --go-sum
	if why := none.noModule(); why != "" {
		t.Errorf("with module files in the key: %s", why)
	}
}
