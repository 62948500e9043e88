package buildcache

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/digest"
)

func TestCreateOutputMends(t *testing.T) {
	const data = "the right content"
	id := digest.Of([]byte(data))
	name := func(c *Cache) string { return c.outputFile(id) }
	inDir := func(files ...string) func(*Cache) error {
		return func(c *Cache) error {
			err := os.Mkdir(name(c), 0o777)
			for k := 0; k < len(files); k += 2 {
				err = errors.Join(err, os.WriteFile(filepath.Join(name(c), files[k]), []byte(files[k+1]), 0o777))
			}
			return err
		}
	}
	asFile := func(content string) func(*Cache) error {
		return func(c *Cache) error { return os.WriteFile(name(c), []byte(content), 0o666) }
	}
	c := newCache(t) // one for all cases, since making it takes a while
	for _, tc := range []struct {
		name  string
		setup func(*Cache) error
		exec  string
		exist bool
	}{
		{"right", asFile(data), "", true},
		{"empty", asFile(""), "", false},
		{"short", asFile("the wrong"), "", false},
		{"long", asFile(data + "x"), "", false},
		{"directory for a file", inDir(), "", false},
		{"program for a file", inDir("tool", data), "", true},
		{"right program", inDir("tool", data), "tool", true},
		{"empty directory", inDir(), "tool", false},
		{"short program", inDir("tool", "the"), "tool", false},
		{"long program", inDir("tool", data+"x"), "tool", false},
		{"other program", inDir("other", "the"), "tool", false},
		{"two programs", inDir("tool", data, "other", data), "tool", false},
		{"file for a program", asFile(data), "tool", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Cleanup(func() { os.RemoveAll(name(c)) })
			if err := tc.setup(c); err != nil {
				t.Fatal(err)
			}
			o := Output{ID: id, Size: int64(len(data)), Time: testTime.UnixNano(), Exec: tc.exec}
			w, err := c.CreateOutput(o, testTime)
			if tc.exist {
				if !errors.Is(err, ErrPresent) {
					t.Errorf("got %v, want ErrPresent", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(w, data)
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			inv := scan(t, c)
			if diff := cmp.Diff([]Output{o}, inv.Outputs); diff != "" || len(inv.Broken) > 0 {
				t.Errorf("%s\n%v", diff, inv.Broken)
			}
			f, err := c.OpenOutput(o)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, _ := io.ReadAll(f); string(got) != data {
				t.Errorf("content is %q", got)
			}
			if st, _ := f.Stat(); runtime.GOOS != "windows" && (st.Mode()&0o100 != 0) != (tc.exec != "") {
				t.Errorf("mode is %v", st.Mode())
			}
		})
	}
}

func TestWriterSize(t *testing.T) {
	c := newCache(t)
	for _, exec := range []string{"", "tool"} {
		o := Output{ID: testID(1), Size: 3, Exec: exec}
		for _, data := range []string{"", "12", "1234"} {
			w, err := c.CreateOutput(o, testTime)
			if err != nil {
				t.Fatal(err)
			}
			_, werr := io.WriteString(w, data)
			if (werr != nil) != (len(data) > 3) {
				t.Errorf("Write of %q: %v", data, werr)
			}
			if err := w.Close(); err == nil {
				t.Errorf("Close after %q succeeds", data)
			}
			if inv := scan(t, c); len(inv.Outputs)+len(inv.Broken) > 0 {
				t.Errorf("left after %q: %+v", data, inv)
			}
		}
		w, err := c.CreateOutput(o, testTime)
		if err != nil {
			t.Fatal(err)
		}
		w.Abort()
		if inv := scan(t, c); len(inv.Outputs)+len(inv.Broken) > 0 {
			t.Errorf("left after Abort: %+v", inv)
		}
	}
}

func TestExecNames(t *testing.T) {
	c := newCache(t)
	for _, exec := range []string{".", "..", "../x", "a/b", "/x", strings.Repeat("x", 256)} {
		if _, err := c.CreateOutput(Output{ID: testID(1), Exec: exec}, testTime); err == nil {
			t.Errorf("CreateOutput accepts executable %q", exec)
		}
		if _, err := c.OpenOutput(Output{ID: testID(1), Exec: exec}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("OpenOutput accepts executable %q", exec)
		}
	}
}

func TestPutAction(t *testing.T) {
	c := newCache(t)
	e := Entry{Action: testID(1), Output: testID(2), Size: 3, Time: 4}
	path := c.actionFile(e.Action)
	want := e.AppendText(nil)
	for _, old := range []string{"", "junk", string(want) + "longer", string(Entry{Action: testID(1)}.AppendText(nil))} {
		if err := os.WriteFile(path, []byte(old), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := c.PutAction(e, testTime); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
			t.Errorf("over %.20q: %q", old, got)
		}
	}
	if err := c.PutAction(e, testTime.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(path); !st.ModTime().Equal(testTime) {
		t.Errorf("identical entry was touched: %v", st.ModTime())
	}
	if err := c.PutAction(Entry{Size: -1}, testTime); err == nil {
		t.Error("a negative size is accepted")
	}
}
