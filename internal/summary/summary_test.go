package summary

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

// sample returns the section of a job that restored from another scope, lost a module, built a
// little and trimmed a little.
func sample() *Section {
	s := &Section{
		Job: "CI/test (linux)", Tool: "gocache v1.2.3", Now: now,
		Notes: []Note{
			{Text: "what did not pass verification was not restored", Hint: "nothing, if it happens once"},
			{Text: "save: object v2/modules/x: connection reset"},
		},
		Restore: &Restore{
			Key: "CI/test/linux/amd64/go1.26.8/0123456789abcdef", Scope: "refs/heads/main", Foreign: true, Saved: now.Add(-3 * time.Hour),
			Modules: Counts{Restored: 411, Missing: 1}, Build: Counts{Restored: 5210, Present: 2, Refused: 3},
			Size:    &Size{Stored: 400 << 20, Modules: 412, Entries: 5215, ModuleBytes: 1200 << 20, EntryBytes: 890 << 20},
			Fetched: 312 << 20, Written: 2 << 30, Files: 55450, Took: 4210 * time.Millisecond,
			Lost: []Loss{{What: "example.com/m@v1.2.3", Kind: "refused", Reason: "hash is h1:a, go.sum says h1:b"}},
		},
		Save: &Save{
			Scope: "refs/pull/7/merge", Written: true,
			Modules: Stored{Uploaded: 1, Stored: 411, Trimmed: 2}, Build: Stored{Uploaded: 90, Stored: 5210, Trimmed: 12, Skipped: 1},
			Uploaded: 5 << 20, Took: 1890 * time.Millisecond,
			Before: &Size{Stored: 400 << 20, Modules: 413, Entries: 5222, ModuleBytes: 1210 << 20, EntryBytes: 890 << 20},
			After:  &Size{Stored: 402 << 20, Modules: 412, Entries: 5300, ModuleBytes: 1200 << 20, EntryBytes: 901 << 20},
			Reuse:  &Reuse{Reused: 4500, Made: 90, Saved: 127 * time.Second},
			Trim: Trim{
				Age: Amount{13, 12 << 20}, Size: Amount{1, 9 << 20},
				Largest: []Dropped{{Kind: "module", Name: "example.com/old@v1.0.0", Reason: "not used for too long", Bytes: 9 << 20, LastUse: now.Add(-400 * time.Hour)}},
			},
			Largest: []Item{{Name: "example.com/big@v1.0.0", Bytes: 90 << 20}, {Name: "example.com/small@v1.0.0", Bytes: 1 << 20}},
			Outputs: []Item{{Kind: "package", Name: "example.com/big/api", Count: 3, Bytes: 60 << 20}, {Kind: "test log", Bytes: 4 << 20}},
		},
	}
	for i := range 4 {
		s.Save.Trend = append(s.Save.Trend, Point{
			Time: now.Add(time.Duration(i-4) * 9 * time.Hour), Run: fmt.Sprint(100 + i), Stored: int64(390+4*i) << 20, Uploaded: int64(i) << 20,
			Reused: 1000 * i, Made: 90 * i, Unsaved: i == 3,
		})
	}
	return s
}

// TestGolden compares pages with the files in testdata. After a change, look at the rendered files
// as well.
func TestGolden(t *testing.T) {
	restoreOnly, saveOnly, both, cold := sample(), sample(), sample(), sample()
	restoreOnly.Save, restoreOnly.Restore.Exact, restoreOnly.Notes, restoreOnly.Restore.Lost = nil, true, nil, nil
	saveOnly.Restore, saveOnly.Save.Trim = nil, Trim{Off: "the job failed"}
	cold.Restore, cold.Notes = &Restore{Key: "k", Took: time.Second / 8, Modules: Counts{Missing: 7}}, nil
	cold.Save = &Save{Scope: "refs/heads/new", ReadOnly: true}
	for name, s := range map[string]*Section{
		"both": both, "restore": restoreOnly, "save": saveOnly, "cold": cold,
		"failed": {Job: "lint", Now: now, Restore: &Restore{Failed: true}, Save: &Save{Failed: true}, Notes: []Note{{"restore: no route to host", "check the endpoint"}}},
	} {
		got, file := s.Markdown(), filepath.Join("testdata", name+".md")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// huge returns a section in which everything is as long, and as often, as it can be.
func huge(long string, n int) *Section {
	s := sample()
	s.Job, s.Tool = long, long
	r, v := s.Restore, s.Save
	r.Key, r.Scope, v.Scope, v.Trim.Off = long, long, long, ""
	for range n {
		s.Notes = append(s.Notes, Note{long, long})
		r.Lost = append(r.Lost, Loss{long, long, long})
		r.Largest = append(r.Largest, Item{Name: long})
		v.Largest = append(v.Largest, Item{Name: long})
		v.Outputs = append(v.Outputs, Item{Kind: "package", Name: long, Count: 1 << 30})
		v.Trim.Largest = append(v.Trim.Largest, Dropped{Kind: long, Name: long, Reason: long})
		v.Trend = append(v.Trend, Point{Run: long, Stored: 1 << 60, Uploaded: 1 << 60, Reused: 1 << 40, Made: 1 << 40})
	}
	return s
}

// TestSize: whatever the values are, a section stays within its size limit.
func TestSize(t *testing.T) {
	for _, long := range []string{strings.Repeat("|", 1<<16), strings.Repeat("@", 1<<16), strings.Repeat("\U0001F600", 1<<14), strings.Repeat("\u202e\xff`", 1<<14)} {
		if n := len(huge(long, 100).Markdown()); n > MaxSection {
			t.Errorf("section of %d bytes for names of %.3q", n, long)
		}
	}
	if n := len(huge("@", 100_000).Markdown()); n > MaxSection {
		t.Errorf("section of %d bytes for long lists", n)
	}
}

// TestAppend fills a file: it never gets too large, and its last sections are in short form.
func TestAppend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.md")
	if err := os.WriteFile(file, []byte("a line of somebody else without an end"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := huge(strings.Repeat("@", 1000), 100)
	var err error
	for n := 0; err == nil; n++ {
		if n > 10_000 {
			t.Fatal("the file never gets full")
		}
		err = Append(file, s)
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	full, all := strings.Count(string(data), "<details><summary><b>Restore</b>"), strings.Count(string(data), "\n\n### ")
	if len(data) > MaxFile || len(data) < MaxFile*3/4 || full == 0 || full == all {
		t.Errorf("%d bytes with %d sections, %d of them with details", len(data), all, full)
	}
	if !strings.HasPrefix(string(data), "a line of somebody else without an end\n\n### ") {
		t.Errorf("begins with %.80q", data)
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "< 1 s", 9400 * time.Millisecond: "≈ 9 s", 99 * time.Second: "≈ 99 s", 127 * time.Second: "≈ 2 min 10 s", 8*time.Minute + 2*time.Second: "≈ 8 min",
		119*time.Minute + 40*time.Second: "≈ 2.0 h", 44 * time.Minute: "≈ 44 min", 150 * time.Minute: "≈ 2.5 h",
	} {
		if got := about(d); got != want {
			t.Errorf("about(%v) = %q, want %q", d, got, want)
		}
	}
	long := strings.Repeat("a", 100) + "/@v1.2.3"
	if got := report.Shorten(long, 30); got != strings.Repeat("a", 19)+"…aa/@v1.2.3" {
		t.Errorf("shortened to %q", got)
	}
	same := []Point{{Time: now}, {Time: now}, {Time: now.Add(time.Minute)}, {Time: now.Add(24 * time.Hour)}}
	if got := labels(same); cmp.Diff(got, []string{"Mar 9", "12:00", "12:01", "Mar 10"}) != "" {
		t.Errorf("labels %q", got)
	}
}

// TestSavedWithoutNews: where other jobs have stored all that this one made, only the snapshot is
// new.
func TestSavedWithoutNews(t *testing.T) {
	for want, s := range map[string]Save{
		"Saved the snapshot to `refs/heads/main`; all that is in it was stored already.": {Build: Stored{Stored: 4}},
		"Saved 1 new build output to `refs/heads/main`.":                                 {Build: Stored{Uploaded: 1}},
		"Saved 2 new modules to `refs/heads/main`.":                                      {Modules: Stored{Uploaded: 2}, Build: Stored{Stored: 4}},
	} {
		s.Written, s.Scope = true, "refs/heads/main"
		if got := s.line(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
