package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
)

func TestRatioIsTakenWithinRounds(t *testing.T) {
	r := &figures{Runs: []run{
		timed(gocacheName, 1, 1), timed(tarName, 1, 2),
		timed(gocacheName, 2, 9), timed(tarName, 2, 10),
		timed(gocacheName, 3, 2), timed(tarName, 3, 10),
		timed(gocacheName, 4, 100), // interrupted before the other tool ran
	}}
	if got, ok := r.ratio(loopback, restoreEmpty, wall); got != 0.5 || !ok {
		t.Errorf("ratio = %v, %v, want 0.5, the median of 0.5, 0.9 and 0.2", got, ok)
	}
	r.Links = []linkInfo{{Name: loopback}, {Name: shaped}}
	want := []comparison{{loopback, restoreEmpty, "wall", 0.5, 2}}
	if diff := cmp.Diff(want, r.compareAll()); diff != "" {
		t.Errorf("comparisons (-want +got):\n%s", diff)
	}
	if _, ok := r.ratio(shaped, restoreEmpty, wall); ok {
		t.Error("a ratio of a link that was not measured")
	}
}

func timed(tool string, round int, seconds float64) run {
	return run{Link: loopback, Scenario: restoreEmpty, Tool: tool, Round: round, Outcome: kit.Outcome{Cost: kit.Cost{Wall: seconds, MaxRSS: 100e6}}}
}

func TestTargets(t *testing.T) {
	r := &figures{subject: subject{Name: "p", Limits: limits{Restore: 0.5, Release: 2e6}}, Runs: []run{timed(gocacheName, 1, 3), timed(tarName, 1, 4)}}
	all := results{Projects: []*figures{r}}
	want := []string{"p: restore into empty directories, loopback: wall time: 1.33 times faster, limit 2 times faster"}
	if diff := cmp.Diff(want, all.missed()); diff != "" {
		t.Errorf("missed targets (-want +got):\n%s", diff)
	}
	r.Runs[0].Wall = 2
	r.Runs = append(r.Runs,
		run{Link: loopback, Scenario: unchangedSave, Tool: gocacheName, change: change{Written: 1}},
		run{Link: loopback, Scenario: releaseSave, Tool: gocacheName, change: change{Uploaded: 3e6}})
	r.Calls = &calls{Files: 10, Creates: 10, Writes: 11, Closes: 10}
	want = []string{
		"p: save after the next patch release: bytes uploaded: 3 MB, limit 2 MB",
		"p: save with nothing changed: objects written: 1, limit 0",
		"p: restore: system calls that create, write or close, per file that lies in one frame: 3.1, limit 3",
	}
	if diff := cmp.Diff(want, all.missed()); diff != "" {
		t.Errorf("missed targets (-want +got):\n%s", diff)
	}
}

func TestCompareListings(t *testing.T) {
	now := time.Now()
	before := map[string]kit.Object{"same": {Size: 1, Written: now}, "replaced": {Size: 2, Written: now}, "deleted": {Size: 4, Written: now}}
	after := map[string]kit.Object{"same": {Size: 1, Written: now}, "replaced": {Size: 2, Written: now.Add(1)}, "new": {Size: 8, Written: now}}
	want := change{Stored: 11, Uploaded: 10, Objects: 3, Written: 2, Names: []string{"new", "replaced"}}
	if diff := cmp.Diff(want, compare(before, after)); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
}

func TestCountCalls(t *testing.T) {
	// Thread 12 writes to a file that thread 11 created, and descriptor 5 is reused at once.
	const log = `11    openat(AT_FDCWD, "caches = x/a", O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 5
11    openat(AT_FDCWD, "go.sum", O_RDONLY|O_CLOEXEC) = 6
11    openat(AT_FDCWD, "b", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0644) = -1 EEXIST (File exists)
12    write(5, ""..., 4096 <unfinished ...>
11    write(7, ""..., 100)              = 100
12    <... write resumed>)              = 4096
12    close(5 <unfinished ...>
11    openat(AT_FDCWD, "c", O_WRONLY|O_CREAT|O_CLOEXEC, 0644 <unfinished ...>
12    <... close resumed>)              = 0
11    <... openat resumed>)             = 5
11    mkdirat(AT_FDCWD, "d", 0755)      = 0
11    write(5, ""..., 10)               = 10
11    close(6)                          = 0
11    close(5)                          = 0
11    renameat(AT_FDCWD, "d", AT_FDCWD, "e") = 0
11    openat(AT_FDCWD, "ab/x-d.T.partial", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0644) = 5
11    pwrite64(5, ""..., 10, 5)         = 10
11    close(5)                          = 0
12    openat(AT_FDCWD, "ab/x-d.T.partial", O_WRONLY|O_CLOEXEC) = 5
12    pwrite64(5, ""..., 5, 0)          = 5
12    close(5)                          = 0
12    renameat(AT_FDCWD, "ab/x-d.T.partial", AT_FDCWD, "ab/x-d") = 0
11    +++ exited with 0 +++
`
	got, err := countCalls(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := calls{Creates: 2, Writes: 2, Closes: 2, Assembled: 1, AssembledCalls: 6, Mkdirs: 1, Renames: 2}
	if got != want {
		t.Errorf("calls = %+v, want %+v", got, want)
	}
}

func TestRenderKeepsJSON(t *testing.T) {
	p := &figures{
		subject: subjects[0],
		Links:   []linkInfo{{Name: loopback, Tuning: tuning{Trials: []trial{{"8 MiB parts", 1.5}}}}},
		Runs:    []run{timed(gocacheName, 1, 1), timed(tarName, 1, 4), timed(floorName, 1, 0.8)},
	}
	p.Runs[1].Requests = map[string]int{"GetObject": 7, "HeadObject": 1}
	p.Runs[1].Exit, p.Runs[1].Problem, p.Runs[1].Problems = 2, "tar: Cannot open: File exists", 9
	r := &results{Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Rounds: 1, Projects: []*figures{p}}
	page, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| restore into empty directories, loopback: wall time | ≥ 2.86 times faster | 4 times faster | met |",
		"| restore into empty directories | 1.00 (1.00–1.00) | 4.00 (4.00–4.00) | 4.0× |",
		"| loopback | 0.80 (0.80–0.80) | 0.00 | 5.0× | 1.25 |", // the floor
		"go build ./... && go vet -printf=false ./... && go test -vet=off -run '^$' ./...",
		"7 GetObject, 1 HeadObject",
		"exit code 2, 9 lines on standard error, such as `tar: Cannot open: File exists`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	dir := t.TempDir()
	if err := kit.Keep(dir, "bench-", r.Started, r, nil); err != nil {
		t.Fatal(err)
	}
	loaded, err := kit.Load[results](filepath.Join(dir, "bench-"+r.Started.Format("20060102-150405")+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := render(loaded); err != nil || again != page {
		t.Errorf("the page of saved results differs (%v):\n%s", err, cmp.Diff(page, again))
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ args, problem string }{
		{"-n 0", "-n must be"},
		{"-project hugo", `unknown name "hugo"`},
		{"-links loopback,wifi", `unknown name "wifi"`},
		{"-scenarios all", `unknown name "all"`},
		{"-n 2 now", `unexpected argument "now"`},
		{"-n 5 -links shaped -scenarios restore,edit-save", ""},
	} {
		_, err := parseOptions(strings.Fields(c.args))
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v, want %q", c.args, err, c.problem)
		}
	}
}

func TestWantsWhatOthersNeed(t *testing.T) {
	for _, c := range []struct {
		wanted []string
		want   []string
	}{
		{[]string{firstSave}, []string{firstSave}},
		{[]string{systemCalls}, []string{firstSave, systemCalls}},
		{[]string{leastWork}, []string{firstSave, leastWork}},
		{[]string{releaseSave}, []string{firstSave, releaseSave}},
		{[]string{editSave}, []string{firstSave, restoreEmpty, editSave}},
	} {
		var got []string
		for _, s := range scenarioNames {
			if (&chain{wanted: c.wanted}).wants(s) {
				got = append(got, s)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.wanted, diff)
		}
	}
}
