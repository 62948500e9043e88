package snapshot

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// TestOverviewOf: what is read without the tables is what a reader of all of it finds.
func TestOverviewOf(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	m := &Manifest{
		Repo: "github.com/a/b", Scope: "refs/heads/main", Key: []string{"job", "linux", "amd64"},
		Writer: Writing{Time: at, Run: "7"},
		Trend:  []Saved{{Time: at.Add(-time.Hour), Stored: 5}, {Time: at, Stored: 7, Uploaded: 2}},
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := OverviewOf(data)
	want := Overview{Repo: m.Repo, Scope: m.Scope, Key: m.Key, Writer: m.Writer, Trend: m.Trend}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	data[len(data)-1] ^= 1
	if _, err := OverviewOf(data); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	m.Trend[0].Stored = -1
	if data, err = m.Encode(); err == nil {
		if _, err := OverviewOf(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a negative size was taken: %v", err)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	for name, want := range map[string][2]string{
		"v2/repos/github.com~a~b/refs~heads~main/packs/x": {"github.com~a~b", "refs~heads~main"},
		"v2/repos/r/s": {},
		"v2/modules/x": {},
		"v2/proxy/x":   {},
	} {
		if repo, scope := OwnerOf(name); repo != want[0] || scope != want[1] {
			t.Errorf("%s: %q, %q, want %q", name, repo, scope, want)
		}
	}
}
