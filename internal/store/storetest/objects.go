package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/store"
)

func testRoundTrip(t *testing.T, s store.Store) {
	ctx := context.Background()
	for _, n := range []int{0, 1, 1000, PartSize - 1, PartSize, PartSize + 1, 2*PartSize + 12345} {
		want := Content(uint64(n), n)
		for kind, body := range map[string]io.Reader{"bytes": bytes.NewReader(want), "stream": Stream(want), "unknown": Stream(want)} {
			name := fmt.Sprintf("dir/%s-%d", kind, n)
			size := int64(n)
			if kind == "unknown" {
				size = -1
			}
			wrote, err := s.Put(ctx, name, body, size, store.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			got, read := get(t, s, name)
			same(t, name, got, want)
			stat, err := s.Stat(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if n < PartSize && kind != "unknown" && !wrote.Same(read) || wrote.Size != read.Size || !read.Same(stat) || !read.ModTime.Equal(stat.ModTime) || stat.ModTime.IsZero() || stat.Size != int64(n) || stat.Version == "" {
				t.Errorf("%s: Put says %v, Open %v, Stat %v", name, wrote, read, stat)
			}
		}
	}
}

// testVersionsOfWrites: what a Put returns is what the next reader sees, also of an upload in
// parts.
func testVersionsOfWrites(t *testing.T, s store.Store) {
	for _, n := range []int{0, 1000, PartSize, PartSize + 1} {
		name := fmt.Sprintf("v/%d", n)
		wrote, err := s.Put(context.Background(), name, Stream(Content(1, n)), -1, store.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		if stat, err := s.Stat(context.Background(), name); err != nil || !wrote.Same(stat) {
			t.Errorf("%s: Put says %v, Stat %v, %v", name, wrote, stat, err)
		}
	}
}

// testFiles puts a file from where it stands, and a pipe, which is an *os.File as well.
func testFiles(t *testing.T, s store.Store) {
	want := Content(1, PartSize+1000)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, append([]byte("skipped"), want...), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(int64(len("skipped")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.Write(want)
		w.Close()
	}()
	for name, body := range map[string]io.Reader{"file": f, "pipe": r} {
		if _, err := s.Put(context.Background(), name, body, int64(len(want)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		got, _ := get(t, s, name)
		same(t, name, got, want)
	}
}

func testRanges(t *testing.T, s store.Store) {
	want := Content(1, 10000)
	put(t, s, "r", want, store.Condition{})
	put(t, s, "empty", nil, store.Condition{})
	for _, c := range []struct {
		name        string
		off, length int64
		want        []byte
		err         error
	}{
		{"r", 0, -1, want, nil},
		{"r", 0, 10000, want, nil},
		{"r", 0, 1, want[:1], nil},
		{"r", 9999, 1, want[9999:], nil},
		{"r", 1234, 4321, want[1234:5555], nil},
		{"r", 1234, -1, want[1234:], nil},
		{"r", 5000, 0, nil, nil},
		{"r", 10000, 0, nil, nil},
		{"r", 10000, -1, nil, nil},
		{"r", 9000, 1001, want[9000:], io.ErrUnexpectedEOF},
		{"r", 0, math.MaxInt64, want, io.ErrUnexpectedEOF},
		{"r", 1, math.MaxInt64, want[1:], io.ErrUnexpectedEOF},
		{"r", 10000, 1, nil, io.ErrUnexpectedEOF},
		{"r", 10001, -1, nil, io.ErrUnexpectedEOF},
		{"r", 20000, 10, nil, io.ErrUnexpectedEOF},
		{"empty", 0, -1, nil, nil},
		{"empty", 0, 0, nil, nil},
		{"empty", 0, 10, nil, io.ErrUnexpectedEOF},
	} {
		r, info, err := s.Open(context.Background(), c.name, c.off, c.length)
		if err != nil {
			t.Errorf("%s [%d,+%d): %v", c.name, c.off, c.length, err)
			continue
		}
		got, err := io.ReadAll(r)
		if !errors.Is(err, c.err) || !bytes.Equal(got, c.want) {
			t.Errorf("%s [%d,+%d): got %d bytes and error %v, want %d and %v", c.name, c.off, c.length, len(got), err, len(c.want), c.err)
		}
		if c.name == "r" && info.Size != 10000 {
			t.Errorf("%s [%d,+%d): object size %d", c.name, c.off, c.length, info.Size)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.Open(context.Background(), "r", -1, 5); err == nil {
		t.Error("a negative offset is accepted")
	}
}

func testUnknown(t *testing.T, s store.Store) {
	ctx := context.Background()
	check := func(name string) {
		t.Helper()
		_, _, err := s.Open(ctx, name, 0, -1)
		if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), name) {
			t.Errorf("open %s: %v", name, err)
		}
		if _, _, err := s.Open(ctx, name, 5, 10); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("open range of %s: %v", name, err)
		}
		if _, err := s.Stat(ctx, name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("stat %s: %v", name, err)
		}
	}
	check("nothing/here")
	put(t, s, "some/thing", []byte("x"), store.Condition{})
	check("some/thing-1")
	check("some/thin")
	check("some") // a directory of objects is none
}

func testNames(t *testing.T, s store.Store) {
	names := []string{
		"a", "0", ".hidden", "-dash", "a.b-c_d=e~f!g+h@i", "~", "!", "@v/v1.0.0+incompatible", "!burnt!sushi/x",
		"con", "nul/aux.txt", "com1", "lpt9.x/prn", "trailing.", "two../x", "...", "=", "q/b/c/d/e/f",
		"x-1", "x-11", strings.Repeat("l", store.MaxElement),
		strings.Repeat(strings.Repeat("d", 99)+"/", 7) + "end",
	}
	for i, n := range names {
		put(t, s, n, Content(uint64(i), 100), store.Condition{IfAbsent: true})
	}
	for i, n := range names {
		got, _ := get(t, s, n)
		same(t, n, got, Content(uint64(i), 100))
	}
}

func testBadNames(t *testing.T, s store.Store) {
	ctx := context.Background()
	for _, n := range []string{
		"", "/", "/abs", "a//b", "a/", ".", "..", "../x", "a/../b", "a/./b", `a\b`, `..\x`, "A", "a b", "a\x00b", "a%2fb",
		"a:b", "ä", "a#b", "a?b", "a*", strings.Repeat("l", store.MaxElement+1), strings.Repeat("l/", store.MaxName),
	} {
		_, perr := s.Put(ctx, n, bytes.NewReader(nil), 0, store.Condition{})
		_, _, oerr := s.Open(ctx, n, 0, -1)
		_, serr := s.Stat(ctx, n)
		for _, err := range []error{perr, oerr, serr} {
			if !errors.Is(err, store.ErrBadName) {
				t.Errorf("name %q: %v", n, err)
			}
		}
	}
}

func testGetLimit(t *testing.T, s store.Store) {
	put(t, s, "x", make([]byte, 100), store.Condition{})
	if _, _, err := store.Get(context.Background(), s, "x", 99); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("limit 99: %v", err)
	}
	if data, _, err := store.Get(context.Background(), s, "x", 100); err != nil || len(data) != 100 {
		t.Errorf("limit 100: %d bytes, %v", len(data), err)
	}
}

func testOpenParallel(t *testing.T, s store.Store) {
	want := Content(3, 100_000)
	put(t, s, "x", want, store.Condition{})
	for _, c := range []struct{ off, length int64 }{{0, -1}, {10, -1}, {0, 100_000}, {1000, 50_000}, {99_999, 1}, {100_000, -1}} {
		r, info, err := store.OpenParallel(context.Background(), s, "x", c.off, c.length, 7000, 4)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || info.Size != 100_000 {
			t.Errorf("%v: size %d, %v", c, info.Size, err)
		}
		end, _ := store.End(c.off, c.length, info.Size)
		same(t, fmt.Sprint(c), got, want[c.off:end])
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testRequests(t *testing.T, s store.Store) {
	before := s.Requests()
	put(t, s, "x", []byte("x"), store.Condition{})
	get(t, s, "x")
	if _, err := s.Stat(context.Background(), "x"); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for k, n := range s.Requests() {
		got[k] = n - before[k]
	}
	if diff := cmp.Diff(map[string]int64{"GET": 1, "HEAD": 1, "PUT": 1}, got); diff != "" {
		t.Error(diff)
	}
}
