package buildcache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

func TestMain(m *testing.M) {
	osfiletest.Main(m, map[string]func(string) error{
		"fill":           fill,
		"killed":         writeKilled,
		"killed-partial": killPartial,
	})
}

var testTime = time.Unix(1700000000, 0)

func newCache(t *testing.T) *Cache {
	t.Helper()
	c := Open(filepath.Join(t.TempDir(), "cache"))
	if err := c.Prepare(testTime); err != nil {
		t.Fatal(err)
	}
	return c
}

// put stores an output, and an entry for each action.
func put(c *Cache, data []byte, exec string, actions ...digest.ID) (Output, error) {
	o := Output{ID: digest.Of(data), Size: int64(len(data)), Time: testTime.UnixNano(), Exec: exec}
	w, err := c.CreateOutput(o, testTime)
	if err == nil {
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	}
	if err != nil && !errors.Is(err, ErrPresent) {
		return o, err
	}
	for _, a := range actions {
		if err := c.PutAction(Entry{Action: a, Output: o.ID, Size: o.Size, Time: 5}, testTime); err != nil {
			return o, err
		}
	}
	return o, nil
}

func mustPut(t *testing.T, c *Cache, data, exec string, actions ...digest.ID) Output {
	t.Helper()
	o, err := put(c, []byte(data), exec, actions...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func scan(t *testing.T, c *Cache) *Inventory {
	t.Helper()
	inv, err := c.Scan(context.Background(), ScanOptions{Fuzz: true})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestScan(t *testing.T) {
	c := newCache(t)
	plain := mustPut(t, c, "plain", "", testID(0xc0), testID(0x10))
	prog := mustPut(t, c, "program", "tool", testID(0x20))
	empty := mustPut(t, c, "", "", testID(0x30))
	orphan := mustPut(t, c, "orphan", "")
	write(t, c, "fuzz/example.com/FuzzX/abc", "go test fuzz v1\n")
	write(t, c, "00/unrelated", "ignored")

	entry := func(a digest.ID, o Output) Local {
		return Local{Entry: Entry{a, o.ID, o.Size, 5}, ActionTime: testTime.UnixNano(), OutputTime: testTime.UnixNano()}
	}
	want := &Inventory{
		Entries: []Local{entry(testID(0x10), plain), entry(testID(0x20), prog), entry(testID(0x30), empty), entry(testID(0xc0), plain)},
		Outputs: byID(plain, prog, empty, orphan),
		Fuzz:    []File{{"fuzz/example.com/FuzzX/abc", 16}},
		Owners:  []int{max(os.Getuid(), 0)},
	}
	inv := scan(t, c)
	if diff := cmp.Diff(want, inv, cmpopts.IgnoreUnexported(Inventory{}), cmpopts.IgnoreFields(Local{}, "ActionRead"), cmpopts.IgnoreFields(Inventory{}, "Writable")); diff != "" {
		t.Error(diff)
	}
	for _, o := range want.Outputs {
		if found, ok := inv.Output(o.ID); !ok || found != o {
			t.Errorf("output %s is found as %+v, %v", o.ID, found, ok)
		}
		f, err := c.OpenOutput(o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil || digest.Of(data) != o.ID {
			t.Errorf("output %s reads as %q, %v", o.ID, data, err)
		}
	}
}

// TestScanCancelled: a scan ends soon after its context, also in the middle of a subdirectory.
func TestScanCancelled(t *testing.T) {
	c := newCache(t)
	for i := range 50 {
		write(t, c, fmt.Sprintf("00/00%062x-d", i), "x")
	}
	cause := errors.New("no more time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if inv, err := c.Scan(ctx, ScanOptions{Fuzz: true}); inv != nil || !errors.Is(err, cause) {
		t.Errorf("cancelled before: %v, %v", inv, err)
	}
	late := &cancelledAfter{Context: t.Context(), left: 20}
	if s, err := scanShard(late, c.dir, 0); !errors.Is(err, context.Canceled) || len(s.outputs) != 20 {
		t.Errorf("cancelled meanwhile: %d outputs, %v", len(s.outputs), err)
	}
}

// cancelledAfter is a context that is cancelled after its state was read a number of times.
type cancelledAfter struct {
	context.Context
	left int
}

func (c *cancelledAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// byID sorts outputs in the order of an inventory.
func byID(outputs ...Output) []Output {
	slices.SortFunc(outputs, func(a, b Output) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return outputs
}

func write(t *testing.T, c *Cache, name, data string) {
	t.Helper()
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestScanBroken(t *testing.T) {
	c := newCache(t)
	a, b, missing := testID(0x11), testID(0x22), testID(0x33)
	text := func(e Entry) string { return string(e.AppendText(nil)) }
	aFile, bFile := "11/"+a.String()+"-a", "22/"+b.String()+"-a"
	dFile := "33/" + missing.String() + "-d"
	for _, tc := range []struct{ name, file, data, broken, reason string }{
		{"empty entry", aFile, "", aFile, "0 bytes"},
		{"junk entry", aFile, strings.Repeat("x", EntrySize), aFile, "invalid header"},
		{"long entry", aFile, text(Entry{Action: a}) + "x", aFile, "176 bytes"},
		{"other action", aFile, text(Entry{Action: b}), aFile, "file name"},
		{"no output", bFile, text(Entry{Action: b, Output: missing}), bFile, "missing"},
		{"wrong name", "44/" + a.String() + "-a", text(Entry{Action: a}), "44/" + a.String() + "-a", "name"},
		{"empty directory", dFile + "/", "", dFile, "0 files"},
		{"two programs", dFile + "/a\x00" + dFile + "/b", "", dFile, "2 files"},
		{"nested directory", dFile + "/a/b", "", dFile, "not a regular file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for f := range strings.SplitSeq(tc.file, "\x00") {
				if strings.HasSuffix(f, "/") {
					if err := os.Mkdir(filepath.Join(c.dir, f), 0o777); err != nil {
						t.Fatal(err)
					}
				} else {
					write(t, c, f, tc.data)
				}
				defer os.RemoveAll(filepath.Join(c.dir, f))
			}
			defer os.RemoveAll(filepath.Join(c.dir, dFile))
			inv := scan(t, c)
			if len(inv.Entries) != 0 || len(inv.Broken) != 1 || inv.Broken[0].Path != tc.broken || !strings.Contains(inv.Broken[0].Reason, tc.reason) {
				t.Errorf("inventory %+v, want %s broken: %s", inv, tc.broken, tc.reason)
			}
		})
	}
}

func TestScanSize(t *testing.T) {
	c := newCache(t)
	o := mustPut(t, c, "0123456789", "", testID(0x11))
	if err := os.Truncate(c.outputFile(o.ID), 9); err != nil {
		t.Fatal(err)
	}
	inv := scan(t, c)
	if len(inv.Entries) != 0 || len(inv.Broken) != 1 || !strings.Contains(inv.Broken[0].Reason, "9 bytes, want 10") {
		t.Errorf("inventory %+v", inv)
	}
}

func TestMissingDirectory(t *testing.T) {
	c := Open(filepath.Join(t.TempDir(), "none"))
	if inv := scan(t, c); len(inv.Entries)+len(inv.Outputs)+len(inv.Broken)+len(inv.Fuzz) != 0 {
		t.Errorf("inventory %+v", inv)
	}
	if _, err := os.Stat(c.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Scan created the directory: %v", err)
	}
}

func TestPrepare(t *testing.T) {
	c := newCache(t)
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	if got := read("trim.txt"); got != "1700000000" {
		t.Errorf("trim.txt is %q", got)
	}
	if got := read("README"); got != readme {
		t.Errorf("README is %q", got)
	}
	write(t, c, "README", "mine")
	os.Remove(filepath.Join(c.dir, "7f"))
	if err := c.Prepare(testTime.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if read("README") != "mine" || read("trim.txt") != "1700000000" {
		t.Error("Prepare overwrites")
	}
	if _, err := os.Stat(filepath.Join(c.dir, "7f")); err != nil {
		t.Error(err)
	}
	write(t, c, "trim.txt", "junk")
	if err := c.Prepare(testTime); err != nil || read("trim.txt") != "1700000000" {
		t.Errorf("junk is left in trim.txt: %v", err)
	}
}

func TestAgedTime(t *testing.T) {
	now := time.Unix(1700000000, 999)
	for _, tc := range []struct {
		name          string
		last, atLeast time.Duration // before now
		atMost        time.Duration
	}{
		{"just now", 0, 2 * time.Hour, 2*time.Hour + time.Second},
		{"in the future", -time.Hour, 2 * time.Hour, 2*time.Hour + time.Second},
		{"yesterday", 24 * time.Hour, 24 * time.Hour, 24*time.Hour + time.Second},
		{"last year", 365 * 24 * time.Hour, maxAge - time.Second, maxAge},
	} {
		got := AgedTime(now.Add(-tc.last), now)
		if age := now.Sub(got); age < tc.atLeast || age > tc.atMost || got.Nanosecond() != 0 {
			t.Errorf("%s: %v old, want %v to %v in whole seconds", tc.name, age, tc.atLeast, tc.atMost)
		}
	}
	if got := AgedTime(time.Time{}, now); now.Sub(got) > maxAge {
		t.Errorf("zero time: %v", got)
	}
}

func TestRemove(t *testing.T) {
	c := newCache(t)
	gone := mustPut(t, c, "gone", "", testID(0x10))
	prog := mustPut(t, c, "prog", "tool", testID(0x20))
	kept := mustPut(t, c, "kept", "", testID(0x30), testID(0x40))
	err := c.Remove([]digest.ID{testID(0x10), testID(0x20), testID(0x30), testID(0x99)}, []digest.ID{gone.ID, prog.ID, testID(0x77)})
	if err != nil {
		t.Fatal(err)
	}
	inv := scan(t, c)
	if len(inv.Entries) != 1 || inv.Entries[0].Action != testID(0x40) || len(inv.Outputs) != 1 || len(inv.Broken) > 0 {
		t.Errorf("left: %+v, want %s", inv, kept.ID)
	}
}

// fill writes n outputs of 2 KiB and as many action entries to a new cache.
func fill(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := Open(dir)
	if err := c.Prepare(testTime); err != nil {
		return err
	}
	for i := range n {
		data := append(make([]byte, 2048), fmt.Sprint(i)...)
		if _, err := put(c, data, "", sha256.Sum256(data[1:])); err != nil {
			return err
		}
	}
	return nil
}

func TestThreeCallsPerFile(t *testing.T) {
	const n = 500
	calls := osfiletest.CountWrites(t, "fill", strconv.Itoa(n)) - osfiletest.CountWrites(t, "fill", "0")
	if files := 2 * n; calls < 3*files || calls > 3*files+20 {
		t.Errorf("%d files took %d calls that create, write or close, want %d", files, calls, 3*files)
	}
}
