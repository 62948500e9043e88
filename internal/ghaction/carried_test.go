package ghaction

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/config"
)

// TestNamesOnWindows: post finds the variables of main in whatever case it asks for them, even if
// steps in between have spelled them differently.
func TestNamesOnWindows(t *testing.T) {
	j := newFakeJob(t)
	j.fold = true
	j.env["LOCALAPPDATA"] = `C:\local`
	j.vars = map[string]string{"Path": `C:\go`, "LOCALAPPDATA": `C:\local`, "GoFlags": "-v"}
	set, err := j.phase("main")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(j.env, set)
	j.env["LOCALAPPDATA"] = "of another step"
	j.vars = map[string]string{"PATH": `C:\other`, "LocalAppData": "of another step", "GOFLAGS": "-v"}
	j.hasGo = false
	seen := ""
	step := New(&j.log, j, func(format string, args ...any) {})
	step.foldNames = true
	c := j.commands()
	save := c.Save
	c.Save = func(ctx context.Context, cfg *config.Config, job Job) (*Saved, error) {
		seen = step.Getenv("LocalAppData")
		return save(ctx, cfg, job)
	}
	if err := step.Post(t.Context(), c); err != nil || len(j.asked) != 2 || seen != `C:\local` {
		t.Errorf("post sees %q, %v\n%s", seen, err, &j.log)
	}
	got := map[string]string{}
	for name, value := range j.vars {
		got[strings.ToUpper(name)] = value
	}
	// no go of main
	want := map[string]string{"PATH": `C:\other`, "LOCALAPPDATA": `C:\local`, "GOFLAGS": "-v"}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != len(j.vars) {
		t.Errorf("-want +got\n%s", diff)
	}
}
