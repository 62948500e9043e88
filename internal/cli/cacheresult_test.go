package cli

import (
	"os"
	"testing"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/restore"
)

func TestCacheResult(t *testing.T) {
	found := func(exact bool) *restore.Result { return &restore.Result{Matched: &jobstate.Matched{Exact: exact}} }
	lossy := found(true)
	lossy.Losses = []restore.Loss{{What: "a", Kind: "missing"}}
	wrong := outcome{Error: "store does not answer"}
	for _, c := range []struct {
		name string
		out  *restoreOutput
		want string
	}{
		{"never began", nil, "unavailable"},
		{"no result", &restoreOutput{outcome: wrong}, "unavailable"},
		{"outage", &restoreOutput{Result: new(restore.Result), outcome: wrong}, "unavailable"},
		{"miss", &restoreOutput{Result: new(restore.Result)}, "miss"},
		{"exact", &restoreOutput{Result: found(true)}, "hit"},
		{"latest", &restoreOutput{Result: found(false)}, "partial"},
		{"outage on the way", &restoreOutput{Result: found(true), outcome: wrong, partial: true}, "partial"},
		{"times failed, the restore did not", &restoreOutput{Result: found(true), outcome: wrong}, "hit"},
		{"lossy", &restoreOutput{Result: lossy}, "partial"},
	} {
		if got := cacheResult(c.out); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestActionResult: the outputs distinguish a miss, an outage, and a hit.
func TestActionResult(t *testing.T) {
	r := newGHRunner(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "some")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "thing")
	down := "s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:1&path-style=true"
	check := func(want string, more map[string]string) {
		t.Helper()
		if got := r.phase("restore", more)["cache-result"]; got != want {
			t.Errorf("cache-result %q, want %s", got, want)
		}
	}
	check("miss", nil)
	check("unavailable", map[string]string{"INPUT_STORE": down, "INPUT_FAIL-ON-MISS": "true"})
	check("unavailable", map[string]string{"INPUT_STORE": ""})
	r.build("A")
	r.phase("save", nil, "saved in")
	check("hit", nil)
	if err := os.WriteFile(r.path("w/go.mod"), []byte("module example.com/other\n\ngo 1.24\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("partial", nil)
}
