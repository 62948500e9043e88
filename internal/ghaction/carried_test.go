package ghaction

import (
	"context"
	"maps"
	"slices"
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

// TestOwnKeysAreNoChange: main makes variables for the SDK from its inputs with keys. That post has
// them only later is nothing to report; that another step has set them is.
func TestOwnKeysAreNoChange(t *testing.T) {
	for name, c := range map[string]struct {
		between map[string]string // of the process, in post
		says    bool
	}{
		"nothing between":   {},
		"a step in between": {map[string]string{"AWS_ACCESS_KEY_ID": "other"}, true},
	} {
		j := newFakeJob(t)
		maps.Copy(j.env, map[string]string{"INPUT_ACCESS-KEY-ID": "id", "INPUT_SECRET-ACCESS-KEY": "hidden"})
		set, err := j.phase("main")
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(j.env, set)
		j.vars = map[string]string{"PATH": "/bin", "AWS_REGION": "r"} // each step has its own process
		maps.Copy(j.vars, c.between)
		var said []string
		step := New(&j.log, j, func(format string, args ...any) { said = append(said, format) })
		err = step.Post(t.Context(), j.commands())
		if changed := slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "changed since the restore") }); err != nil || changed != c.says {
			t.Errorf("%s: %v, says %q", name, err, said)
		}
		if j.vars["AWS_SECRET_ACCESS_KEY"] != "hidden" {
			t.Errorf("%s: post works with %v", name, j.vars)
		}
	}
}
