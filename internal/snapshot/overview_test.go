package snapshot

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestOverviewOf: what is read without the tables is what a reader of all of it finds.
func TestOverviewOf(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	m := &Manifest{
		Repo: "github.com/a/b", Scope: "refs/heads/main", Key: []string{"job", "linux", "amd64"}, Digest: "d",
		Writer: Writing{Time: at, Run: "7"},
		Trend:  []Saved{{Time: at.Add(-time.Hour), Stored: 5}, {Time: at, Stored: 7, Uploaded: 2}},
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := OverviewOf(data)
	want := Overview{Repo: m.Repo, Scope: m.Scope, Key: m.Key, Digest: m.Digest, Writer: m.Writer, Trend: m.Trend}
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

// TestUnescape: people read what Escape was given, unless it was cut.
func TestUnescape(t *testing.T) {
	for _, s := range []string{"", "refs/heads/main", "Main", "../../main", "a b#?%", "nul", "COM1.txt", "a~b", "\u00e4!=", "=h"} {
		if got := Unescape(Escape(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	long := strings.Repeat("long/", 60)
	if got := Unescape(Escape(long)); !strings.HasSuffix(got, "...") || !strings.HasPrefix(long, strings.TrimSuffix(got, "...")) {
		t.Errorf("of a long text: %q", got)
	}
}

// FuzzUnescape: elements of names can be anything.
func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"=", "!", "=2", "=2e", "=zz", "a=h" + strings.Repeat("0", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Unescape(s); !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if e := Escape(s); utf8.ValidString(s) && len(e) < maxElement-2*sha256.Size && Unescape(e) != s {
			t.Errorf("%q became %q and %q", s, e, Unescape(e))
		}
	})
}
