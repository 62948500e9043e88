package collect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestBase: a last use too far in the future is corrected, unless nothing is trimmed, and ages are
// counted from the start of the save.
func TestBase(t *testing.T) {
	b := collect.Base{Start: collecttest.Now, MaxAge: 24 * time.Hour}
	for hours, want := range map[int]int{0: 0, 5: 5, 9999: 9999, -40: -40, -60: 0, -9999: 0} {
		if got := b.Clamp(collecttest.Ago(hours)); got != collecttest.Ago(want) {
			t.Errorf("%dh: %d", hours, got)
		}
		untrimmed := b
		untrimmed.Untrimmed = true
		if got := untrimmed.Clamp(collecttest.Ago(hours)); got != collecttest.Ago(hours) {
			t.Errorf("%dh, untrimmed: %d", hours, got)
		}
	}
	if b.Oldest(0) != collecttest.Ago(24) || b.Oldest(time.Hour) != collecttest.Ago(25) {
		t.Errorf("oldest: %d, %d", b.Oldest(0), b.Oldest(time.Hour))
	}
	if b.MaxAge = 0; b.Oldest(0) > collecttest.Ago(1<<20) {
		t.Error("without a maximum age something is too old")
	}
}

// TestShares: shares add up by pack.
func TestShares(t *testing.T) {
	var s collect.Shares
	if s.List() != nil {
		t.Error("the zero value is not empty")
	}
	p, q := &snapshot.Pack{Object: "p", Raw: 100}, &snapshot.Pack{Object: "q", Raw: 50}
	s.Add(p, 10, true)
	s.Add(q, 5, true)
	s.Add(p, 20, false)
	s.Add(p, 1, true)
	if got := fmt.Sprint(s.List()); got != "[{p 31 100 true} {q 5 50 false}]" {
		t.Error(got)
	}
}

// TestEnv: the last use is taken from the times of files, except for times that a restore set.
func TestEnv(t *testing.T) {
	restored := collecttest.Now.Add(-time.Hour)
	made := buildcache.AgedTime(time.Time{}, restored)
	with := collect.Env{Start: collecttest.Now, State: &jobstate.State{Time: restored}}
	without := collect.Env{Start: collecttest.Now}
	for name, c := range map[string]struct {
		env    collect.Env
		mtime  time.Time
		before int64
		want   int64
	}{
		"used":                    {with, collecttest.Now.Add(-time.Minute), collecttest.Ago(99), collecttest.Now.Add(-time.Minute).Unix()},
		"not used":                {with, collecttest.Now.Add(-50 * time.Hour), collecttest.Ago(50), collecttest.Ago(50)},
		"made up":                 {with, made, collecttest.Ago(999), collecttest.Ago(999)},
		"made up, and unknown":    {with, made, 0, made.Unix()},
		"made up, no restore":     {without, made, collecttest.Ago(999), made.Unix()},
		"in the future":           {with, collecttest.Now.Add(time.Hour), 0, collecttest.Now.Unix()},
		"before what is recorded": {without, collecttest.Now.Add(-9 * time.Hour), collecttest.Ago(2), collecttest.Ago(2)},
	} {
		if got := c.env.LastUse(c.mtime.UnixNano(), c.before); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	for ago, want := range map[time.Duration]bool{30 * time.Second: false, 2 * time.Minute: true} {
		at := restored.Add(-ago)
		if with.IsBefore(at) != want || without.IsBefore(at) || with.IsUnused(at) || without.IsUnused(at) {
			t.Errorf("%s before the restore: before %v, unused %v", ago, with.IsBefore(at), with.IsUnused(at))
		}
	}
	if at := restored.Add(-2 * time.Hour); !with.IsUnused(at) || without.IsUnused(at) {
		t.Error("a mark of two hours before the restore is a use")
	}
	if got := with.UsedSince(); !got.Equal(restored.Add(-collect.UseMargin)) || !without.UsedSince().IsZero() {
		t.Errorf("used since %s", got)
	}
}

// TestAddTorn: a file that ends too early or cannot be read is torn. An error of the writer's
// destination does not make it torn, whatever the error is.
func TestAddTorn(t *testing.T) {
	broken := errors.New("broken pipe")
	big := strings.Repeat("x", 3*snapshot.FrameSize)
	for name, c := range map[string]struct {
		in   io.Reader
		size int
		dst  io.Writer
		torn bool
		err  error
	}{
		"whole":           {strings.NewReader("12345"), 5, io.Discard, false, nil},
		"too short":       {strings.NewReader("1234"), 5, io.Discard, true, io.ErrUnexpectedEOF},
		"empty":           {strings.NewReader(""), 5, io.Discard, true, io.ErrUnexpectedEOF},
		"unreadable":      {iotest.ErrReader(broken), 5, io.Discard, true, broken},
		"the upload":      {strings.NewReader(big), len(big), failing{broken}, false, broken},
		"the upload ends": {strings.NewReader(big), len(big), failing{io.ErrUnexpectedEOF}, false, io.ErrUnexpectedEOF},
	} {
		w := snapshot.NewWriter(c.dst)
		_, err := collect.AddTorn(w, snapshot.Member{Name: "x", Size: int64(c.size)}, c.in)
		w.Close()
		var torn *collect.TornError
		if errors.As(err, &torn) != c.torn || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestErrors: errors of both types unwrap to their cause.
func TestErrors(t *testing.T) {
	inner := errors.New("inner")
	unfit := fmt.Errorf("x: %w", &collect.UnfitError{Err: inner})
	torn := fmt.Errorf("x: %w", &collect.TornError{Err: inner})
	if !collect.IsUnfit(unfit) || collect.IsUnfit(torn) || collect.IsUnfit(nil) || !errors.Is(unfit, inner) || !errors.Is(torn, inner) {
		t.Error("the wrapped error is not found")
	}
	if unfit.Error() != "x: inner" || torn.Error() != "x: inner" {
		t.Errorf("%v, %v", unfit, torn)
	}
}

// TestSourceReader: the reader passes everything on, and records a failure.
func TestSourceReader(t *testing.T) {
	s := &collect.SourceReader{R: bytes.NewReader([]byte("abc"))}
	if data, err := io.ReadAll(s); string(data) != "abc" || err != nil || s.Failed {
		t.Errorf("%q, %v, %v", data, err, s.Failed)
	}
	s = &collect.SourceReader{R: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc")))}
	if data, err := io.ReadAll(s); string(data) != "a" || err == nil || !s.Failed {
		t.Errorf("%q, %v, %v", data, err, s.Failed)
	}
}

// TestTextRoundTrip: a manifest made from text lines prints as the same lines.
func TestTextRoundTrip(t *testing.T) {
	const text = "entry a1 o1 10 p1 time=5 use=3h exec=x\nentry a2 o2 20 p2\nmodule x.org/a@v1.0.0 5 use=3h sum=h1:y insum\nmodule x.org/b@v1.0.0 6\n" +
		"tree fuzz t1 3 30 s1\nfile P f1 h1 7 f1 use=4h exec\nfile Q f1 h1 7 f1\ngraph x.org/g@v1.0.0 use=9h\nbuilt cc=5 use=1h"
	collecttest.Compare(t, collecttest.Manifest(t, text), text)
	collecttest.Compare(t, collecttest.Manifest(t, collecttest.Print(collecttest.Manifest(t, text))), text)
}
