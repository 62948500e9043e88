package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// bothOutputs returns the outputs of the two commands after a job that reused too little.
func bothOutputs() (*restoreOutput, *saveOutput) {
	id := ci.Identity{Name: "ci/test", Repo: "github.com/org/name", Scope: "refs/pull/7/merge", Run: "42"}
	saved := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r := &restoreOutput{Identity: id, Store: "file:///s", Result: &restore.Result{
		Key: "ci/test/linux", Exact: true, Matched: &jobstate.Matched{Scope: "refs/heads/main", Exact: true, Saved: saved},
		Modules: restore.Counts{Restored: 3, Refused: 1}, Build: restore.Counts{Restored: 500}, Seconds: 1.5,
		Size:     &snapshot.Size{Stored: 1 << 20, Modules: 4},
		Losses:   []restore.Loss{{What: "example.com/m@v1.0.0", Reason: "hash", Kind: "refused"}, {What: "v1/x", Reason: "gone", Kind: "missing"}},
		Warnings: []string{"module x is being written"}, Largest: []snapshot.Sized{{Name: "example.com/big@v1", Bytes: 1 << 20}},
	}}
	s := &saveOutput{Identity: id, Result: &save.Result{
		Reuse: &save.Reuse{Reused: 10, Made: 300, Seconds: 3}, After: &snapshot.Size{Stored: 2 << 20, Actions: 810},
		Trim:  save.Trim{Used: save.Amount{Count: 2}, Size: save.Amount{Count: 2, Bytes: 2 << 20}, Largest: []save.Dropped{{Kind: "module", Name: "example.com/old@v1", Reason: "size", Bytes: 1 << 20}}},
		Trend: []snapshot.Saved{{Time: saved, Stored: 1 << 20, Reused: 1, Made: 1}}, Warnings: []string{"the size limit is less than what this job used"},
	}, outcome: outcome{Error: "put: denied", Hint: "check the credentials"}}
	return r, s
}

// TestSummaryOfNotes: a result of a restore that was stored as JSON makes the same page.
func TestSummaryOfNotes(t *testing.T) {
	r, s := bothOutputs()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := new(restoreOutput)
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	v := Release{}.info()
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	want := section(v, r, s, now).Markdown()
	if d := cmp.Diff(want, section(v, back, s, now).Markdown()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, text := range []string{
		"another scope, `refs/heads/main`, saved 1 day ago", "did not pass verification", "gone from the store", "raise --max-size",
		"yet the job reused only 10 build entries", "save&#58; put&#58; denied<br>**What to do:** check the credentials", "`example.com/big@v1`", "above the size limit",
	} {
		if !strings.Contains(want, text) {
			t.Errorf("no %q in\n%s", text, want)
		}
	}
	if got := section(v, nil, &saveOutput{Identity: ci.Identity{Name: "x"}}, now).Markdown(); !strings.Contains(got, "Go cache: `x`") {
		t.Errorf("a save without a result: %s", got)
	}
}
