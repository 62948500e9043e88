package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func timingOf(seconds ...float64) (t timing) {
	for _, s := range seconds {
		t.add(time.Duration(s * float64(time.Second)))
	}
	return t
}

// TestTryTable: what a job feels comes first, and last; a figure that is noisy says so.
func TestTryTable(t *testing.T) {
	o := &tryOutput{
		Packages: []string{"./..."}, Go: "go1.26.8", Platform: "linux/amd64",
		ModuleBytes: 100 << 20, BuildBytes: 300 << 20, Files: 8903, Proved: true,
		Cold: tryBuild{Seconds: 93, Compiled: 1200, Linked: 1}, Warm: tryBuild{Seconds: 0.25, Linked: 1},
		Change: &tryChange{File: "keys/choose.go", Build: tryBuild{Seconds: 2.5, Compiled: 3, Linked: 1}},
		Cache:  tryCache{Save: timingOf(2, 2.1, 2.2), Restore: timingOf(0.5, 0.7, 0.5), Again: timingOf(0.11, 0.12, 0.12), Stored: 100 << 20, StoredAgain: 3 << 20},
		Tar:    &tryCache{Save: timingOf(1, 1.1, 1.05), Restore: timingOf(0.66, 0.69, 0.8), Again: timingOf(2, 2, 2), Stored: 160 << 20, StoredAgain: 165 << 20},
	}
	check := func(name, want string) {
		t.Helper()
		var b strings.Builder
		if err := o.write(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	check("noisy", `go build ./..., go1.26.8, linux/amd64

build with empty caches  93.0s, 1,200 compiler runs, 1 link
restore, build offline   0.75s = 0.50s + 0.25s, 0 compiler runs, 1 link
caches                   400 MiB in 8,903 files
stored                   100 MiB, 25 % of it
changed file             keys/choose.go
build after the change   2.50s, 3 compiler runs, 1 link
save after the change    0.11s, 3.0 MiB more stored

                       gocache  tar | zstd
restore                ~ 0.50s       0.66s  ~ 1.3 times as fast
save                     2.00s       1.00s  2.0 times as long
stored                 100 MiB     160 MiB  38 % less
save after the change    0.11s       2.00s  18.2 times as fast
stored after it        3.0 MiB     165 MiB  2 % of it

on this disk, with no network in any figure; the best of 3 runs, in turn
~ noisy: the slowest run took up to 1.4 times as long as the best

93.0s of building became 0.75s
`)
	o.Tar, o.TarMissing = nil, "no tar in PATH to compare with"
	o.Change, o.ChangeMissing = nil, "none of the packages is part of the project"
	o.Cache = tryCache{Save: timingOf(20), Restore: timingOf(10), Stored: 100 << 20}
	check("alone", `go build ./..., go1.26.8, linux/amd64

build with empty caches  93.0s, 1,200 compiler runs, 1 link
restore, build offline   10.2s = 10.0s + 0.25s, 0 compiler runs, 1 link
caches                   400 MiB in 8,903 files
stored                   100 MiB, 25 % of it
after a change           none of the packages is part of the project

on this disk, with no network in any figure; one run each
no tar in PATH to compare with

93.0s of building became 10.2s
`)
}

// TestTryColumns: whatever a project has, no line is wider than a terminal.
func TestTryColumns(t *testing.T) {
	long := timingOf(99.9, 130, 130)
	file := "internal/" + strings.Repeat("directory/", 9) + "file.go"
	build := tryBuild{Seconds: 99.9, Compiled: 12345, Linked: 123}
	o := &tryOutput{
		Packages: strings.Fields(strings.Repeat("./internal/somewhere/... ", 9)), Go: "go1.27rc1", Platform: "linux/mips64le",
		ModuleBytes: 1000 << 30, BuildBytes: 1000 << 30, Files: 12345678, Proved: true, Cold: build, Warm: build, Change: &tryChange{File: file, Build: build},
		Cache: tryCache{Save: long, Restore: long, Again: long, Stored: 1000 << 30, StoredAgain: 1000 << 30},
		Tar:   &tryCache{Save: long, Restore: timingOf(1), Again: long, Stored: 1000 << 30, StoredAgain: 1000 << 30},
	}
	var b strings.Builder
	if err := o.write(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > tryColumns {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(b.String(), "internal/directory/") || !strings.Contains(b.String(), "…") || !strings.Contains(b.String(), "/file.go\n") {
		t.Errorf("the file cannot be told:\n%s", &b)
	}
}

// TestCompareTimes: a difference within that of runs of the same thing is marked, and where all is
// over in a moment, a ratio would say more than there is.
func TestCompareTimes(t *testing.T) {
	for _, c := range []struct {
		ours, theirs timing
		want         string
	}{
		{timingOf(1, 1, 1), timingOf(2, 2, 2), "2.0 times as fast"},
		{timingOf(3), timingOf(2), "1.5 times as long"},
		{timingOf(1, 2.1, 1), timingOf(2, 3, 2), "~ 2.0 times as fast"},
		{timingOf(2, 3, 2), timingOf(1, 2.1, 1), "~ 2.0 times as long"},
		{timingOf(0.2, 0.3), timingOf(0.1, 0.2), "~ 0.10s more"},
		{timingOf(1.02), timingOf(1), "about the same"},
		{timingOf(0.05, 0.06, 0.06), timingOf(0.1, 0.11, 0.1), "0.05s less"},
		{timingOf(0.15), timingOf(0.01), "0.14s more"},
	} {
		if got := compareTimes(c.ours, c.theirs); got != c.want {
			t.Errorf("%v and %v: %q, want %q", c.ours, c.theirs, got, c.want)
		}
	}
}

// TestMiddleFile: a package comes before a program, and the one in the middle of them.
func TestMiddleFile(t *testing.T) {
	a, b, c := listed{Dir: "a", GoFiles: []string{"x.go", "y.go"}}, listed{Dir: "b", GoFiles: []string{"z.go"}}, listed{Dir: "c", GoFiles: []string{"m.go"}}
	for _, tt := range []struct {
		packages, programs []listed
		want               string
	}{
		{[]listed{a, b, c}, []listed{a}, "b/z.go"}, {nil, []listed{a}, "a/x.go"}, {nil, nil, ""}, {[]listed{c}, nil, "c/m.go"},
	} {
		if got := middleFile(tt.packages, tt.programs); strings.ReplaceAll(got, `\`, "/") != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
