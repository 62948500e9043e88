package buildcache

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

const partialData = "the right content"

// beginPartial makes an output without its first 4 bytes.
func beginPartial(t *testing.T, p Partials, exec string) Output {
	t.Helper()
	o := Output{ID: sha256.Sum256([]byte(partialData)), Size: int64(len(partialData)), Time: testTime.UnixNano(), Exec: exec}
	f, err := p.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WritePartsAt(4, []byte(partialData)[4:9], []byte(partialData)[9:])
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return o
}

// endPartial writes these 4 bytes.
func endPartial(t *testing.T, p Partials, o Output) {
	t.Helper()
	f, err := p.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WritePartsAt(0, []byte(partialData)[:4])
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// newPartials is closed when the test ends, since Windows does not remove an open file.
func newPartials(t *testing.T, c *Cache) Partials {
	t.Helper()
	p := c.NewPartials()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// TestPartial: an output is in the cache only once it has its final name.
func TestPartial(t *testing.T) {
	for _, exec := range []string{"", "tool"} {
		c := newCache(t)
		p := newPartials(t, c)
		o := beginPartial(t, p, exec)
		inv := scan(t, c)
		if len(inv.Outputs)+len(inv.Broken) > 0 || len(inv.Partial) != 1 || inv.Partial[0] != o.ID.String()[:2]+"/"+filepath.Base(p.file(o)) {
			t.Errorf("in the making: %+v", inv)
		}
		endPartial(t, p, o)
		f, err := p.Read(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		f.Close()
		if err != nil || string(got) != partialData {
			t.Errorf("%q, %v", got, err)
		}
		if err := p.Place(o, testTime); err != nil {
			t.Fatal(err)
		}
		inv = scan(t, c)
		if diff := cmp.Diff([]Output{o}, inv.Outputs); diff != "" || len(inv.Broken)+len(inv.Partial) > 0 {
			t.Errorf("%s\n%+v", diff, inv)
		}
		path, _ := c.dataFile(o)
		st, err := os.Stat(path)
		if got, _ := os.ReadFile(path); err != nil || string(got) != partialData || runtime.GOOS != "windows" && (st.Mode()&0o100 != 0) != (exec != "") {
			t.Errorf("%q, %v, %v", got, st.Mode(), err)
		}
		if _, err := p.Create(o); !errors.Is(err, ErrPresent) {
			t.Errorf("an existing output is started again: %v", err)
		}
	}
}

// TestPartialsApart: two restores of the same output use separate files, and the second one finds
// that the output is already in the cache.
func TestPartialsApart(t *testing.T) {
	for _, exec := range []string{"", "tool"} {
		c := newCache(t)
		p, q := newPartials(t, c), newPartials(t, c)
		o := beginPartial(t, p, exec)
		beginPartial(t, q, exec)
		endPartial(t, p, o)
		endPartial(t, q, o)
		if err := p.Place(o, testTime); err != nil {
			t.Fatal(err)
		}
		if err := q.Place(o, testTime.Add(time.Hour)); !errors.Is(err, ErrPresent) {
			t.Errorf("%v, want ErrPresent", err)
		}
		inv := scan(t, c)
		if diff := cmp.Diff([]Output{o}, inv.Outputs); diff != "" || len(inv.Partial) > 0 {
			t.Errorf("%s\n%q", diff, inv.Partial)
		}
	}
}

// TestPartialYoung: an output has an old time only once it has its final name, since other restores
// would otherwise take it for an abandoned one.
func TestPartialYoung(t *testing.T) {
	c := newCache(t)
	for range 300 {
		p := newPartials(t, c)
		o := beginPartial(t, p, "")
		stop, seen := make(chan struct{}), make(chan bool)
		go func() {
			old := false
			for {
				select {
				case <-stop:
					seen <- old
					return
				default:
				}
				st, err := os.Lstat(p.file(o))
				old = old || err == nil && time.Since(st.ModTime()) > time.Hour
			}
		}()
		err := p.Place(o, testTime)
		close(stop)
		if <-seen || err != nil {
			t.Fatalf("the partial output had an old time, %v", err)
		}
		if err := os.Remove(c.outputFile(o.ID)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlaceMends: anything wrong in the place of an output is replaced.
func TestPlaceMends(t *testing.T) {
	c := newCache(t)
	p := newPartials(t, c)
	name := c.outputFile(sha256.Sum256([]byte(partialData)))
	file := func(content string) func() error {
		return func() error { return os.WriteFile(name, []byte(content), 0o666) }
	}
	dir := func(files ...string) func() error {
		return func() error {
			err := os.Mkdir(name, 0o777)
			for k := 0; k < len(files); k += 2 {
				err = errors.Join(err, os.WriteFile(filepath.Join(name, files[k]), []byte(files[k+1]), 0o777))
			}
			return err
		}
	}
	for _, tc := range []struct {
		name  string
		setup func() error
		exec  string
		exist bool
	}{
		{"right", file(partialData), "", true},
		{"short", file("the wrong"), "", false},
		{"long", file(partialData + "x"), "", false},
		{"directory for a file", dir(), "", false},
		{"wrong program for a file", dir("tool", "the"), "", false},
		{"program for a file", dir("tool", partialData), "", true},
		{"right program", dir("tool", partialData), "tool", true},
		{"empty directory", dir(), "tool", false},
		{"short program", dir("tool", "the"), "tool", false},
		{"other program", dir("other", "the"), "tool", false},
		{"two programs", dir("tool", partialData, "other", partialData), "tool", false},
		{"file for a program", file(partialData), "tool", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Cleanup(func() { os.RemoveAll(name) })
			o := beginPartial(t, p, tc.exec)
			endPartial(t, p, o)
			if err := tc.setup(); err != nil {
				t.Fatal(err)
			}
			if err := p.Place(o, testTime); errors.Is(err, ErrPresent) != tc.exist || err != nil && !tc.exist {
				t.Errorf("Place: %v", err)
			}
			inv := scan(t, c)
			if len(inv.Outputs) != 1 || inv.Outputs[0].Size != o.Size || len(inv.Broken)+len(inv.Partial) > 0 {
				t.Errorf("%+v", inv)
			}
			if !tc.exist && inv.Outputs[0] != o {
				t.Errorf("%+v, want %+v", inv.Outputs[0], o)
			}
		})
	}
}

// TestPartialGone: pieces are never written to a file that somebody removed, and such an output
// does not get its final name.
func TestPartialGone(t *testing.T) {
	c := newCache(t)
	p := newPartials(t, c)
	for _, exec := range []string{"", "tool"} {
		o := beginPartial(t, p, exec)
		if err := p.Remove(o); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Open(o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open: %v", err)
		}
		if err := p.Place(o, testTime); err == nil || errors.Is(err, ErrPresent) {
			t.Errorf("Place: %v", err)
		}
		if inv := scan(t, c); len(inv.Outputs)+len(inv.Partial)+len(inv.Broken) > 0 {
			t.Errorf("%+v", inv)
		}
	}
	if _, err := p.Create(Output{ID: testID(1), Exec: "../x"}); err == nil {
		t.Error("a name outside the directory is accepted")
	}
}

// TestDiscardPartial: the file of a killed process is removed at once, that of a running process is
// kept however old it is, and if neither is known, the age decides.
func TestDiscardPartial(t *testing.T) {
	c := newCache(t)
	p := newPartials(t, c)
	o := beginPartial(t, p, "")
	write(t, c, "c5/other.partial", "not ours")
	write(t, c, "c5/"+o.ID.String()+"-d..partial", "nor this")
	list := scan(t, c).Partial
	if len(list) != 1 {
		t.Fatalf("%q", list)
	}
	past, future := time.Now().Add(-time.Hour).UnixNano(), time.Now().Add(time.Hour).UnixNano()
	discard := func(what string, before int64, want bool) {
		t.Helper()
		owners := c.FindOwners()
		defer owners.Close()
		if gone, err := owners.Discard(list[0], before); gone != want || err != nil {
			t.Errorf("%s, before %d: %t, %v", what, before, gone, err)
		}
	}
	discard("alive", past, false)
	discard("alive", future, false)
	if err := p.owner.lock.Unlock(); err != nil { // as when the process is killed
		t.Fatal(err)
	}
	discard("dead", past, true)
	discard("gone", future, false)
	if left, _ := filepath.Glob(filepath.Join(c.dir, "gocache-*")); len(left) > 0 {
		t.Errorf("%q", left)
	}
	p = newPartials(t, c)
	beginPartial(t, p, "")
	list = scan(t, c).Partial
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "gocache-*")); len(left) > 0 {
		t.Errorf("%q", left)
	}
	discard("unknown", past, false)
	discard("unknown", future, true)
	if left := scan(t, c).Partial; len(left) != 0 {
		t.Errorf("%q", left)
	}
}

// TestPartialIgnored: the go command ignores partial outputs, and also ignores old ones when it
// trims.
func TestPartialIgnored(t *testing.T) {
	osfiletest.NeedCompiler(t)
	p := newProject(t)
	c := Open(filepath.Join(t.TempDir(), "cache"))
	if err := c.Prepare(testTime); err != nil { // the last trim was long ago
		t.Fatal(err)
	}
	old := mustPut(t, c, "old", "", testID(0xc0))
	q := newPartials(t, c)
	o := beginPartial(t, q, "")
	if err := os.Chtimes(q.file(o), testTime, testTime); err != nil {
		t.Fatal(err)
	}
	p.run(c, "build", "./sub")
	inv, err := c.Scan(context.Background(), ScanOptions{})
	if err != nil || len(inv.Partial) != 1 {
		t.Errorf("%+v, %v", inv, err)
	}
	if _, ok := inv.Output(old.ID); ok {
		t.Error("the go command has not trimmed")
	}
}
