package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/storetest"
)

func open(t testing.TB, root string) *dir.Store {
	t.Helper()
	s, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(s store.Store, name string, data []byte, cond store.Condition) error {
	_, err := s.Put(context.Background(), name, bytes.NewReader(data), int64(len(data)), cond)
	return err
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

// files lists all regular files below root except the lock files.
func files(t testing.TB, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Base(filepath.Dir(path)) != "lock" {
			rel, _ := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func TestReadingCreatesNothing(t *testing.T) {
	parent := t.TempDir()
	s := open(t, filepath.Join(parent, "not", "there"))
	if _, _, err := s.Open(context.Background(), "x", 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if err := put(s, "x", nil, store.Condition{IfMatch: "v"}); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(parent); len(entries) > 0 {
		t.Errorf("reading created %v", entries)
	}
	if err := put(s, "x", []byte("y"), store.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(parent, "not", "there", "x"))
	if err != nil || string(data) != "y" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestRootIsAFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{root, filepath.Join(root, "below")} {
		s := open(t, r)
		if err := put(s, "x", nil, store.Condition{}); !errors.Is(err, store.ErrNoStore) || !strings.Contains(err.Error(), r) {
			t.Errorf("put: %v", err)
		}
	}
	if _, err := open(t, root).Stat(context.Background(), "x"); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("stat: %v", err)
	}
}

// TestNothingIsLeft counts files after failures, since the contract suite cannot see them.
func TestNothingIsLeft(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := put(s, "a/b", []byte("old"), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "a/b", []byte("new"), store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if err := put(s, "a", []byte("x"), store.Condition{}); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("an object named like a directory: %v", err)
	}
	if err := put(s, "a/b/c", []byte("x"), store.Condition{}); err == nil || errors.Is(err, store.ErrNoStore) {
		t.Errorf("an object below an object: %v", err)
	}
	if _, err := s.Put(context.Background(), "n", storetest.Stream([]byte("short")), 10, store.Condition{}); err == nil {
		t.Error("a short body is accepted")
	}
	if got := files(t, root); len(got) != 1 || got[0] != "a/b" {
		t.Errorf("files: %q", got)
	}
}

// TestStaleFiles: the unfinished file of a killed writer is removed, and that of a running one is
// kept.
func TestStaleFiles(t *testing.T) {
	root := t.TempDir()
	tmp := filepath.Join(root, ".#store", "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"old": 2 * time.Hour, "young": time.Minute} {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(open(t, root), "x", nil, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(files(t, root), " "); got != ".#store/tmp/young x" {
		t.Errorf("files: %s", got)
	}
}

// TestVersionAfterClockStep replaces an object whose time lies in the future, as after the clock
// was set back. The version must still be a new one.
func TestVersionAfterClockStep(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := put(s, "x", []byte("1"), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(root, "x"), future, future); err != nil {
		t.Fatal(err)
	}
	old, err := s.Stat(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := put(s, "x", []byte(strconv.Itoa(i)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		now, err := s.Stat(context.Background(), "x")
		if err != nil || now.Version == old.Version {
			t.Fatalf("version %s again, %v", now.Version, err)
		}
		if err := put(s, "x", nil, store.Condition{IfMatch: old.Version}); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("the old version matches: %v", err)
		}
		old = now
	}
}

// childEnv makes the test binary act as a writer process; its value is the directory of the store.
const childEnv = "DIR_TEST_CHILD"

func TestMain(m *testing.M) {
	mode, root, _ := strings.Cut(os.Getenv(childEnv), ":")
	var err error
	switch mode {
	case "count":
		err = countUp(root)
	case "write":
		err = writeForEver(root)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(t *testing.T, mode, root string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+mode+":"+root)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

const countTo = 40

// countUp adds one to the number in an object, countTo times.
func countUp(root string) error {
	ctx := context.Background()
	s, err := dir.Open(root)
	if err != nil {
		return err
	}
	for done := 0; done < countTo; {
		n := 0
		data, info, err := store.Get(ctx, s, "n", 100)
		cond := store.Condition{IfMatch: info.Version}
		if errors.Is(err, store.ErrNotFound) {
			cond = store.Condition{IfAbsent: true}
		} else if err != nil {
			return err
		} else if n, err = strconv.Atoi(string(data)); err != nil {
			return err
		}
		err = put(s, "n", []byte(strconv.Itoa(n+1)), cond)
		if err == nil {
			done++
		} else if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

// TestProcessesLoseNoUpdate lets several processes count in one object.
func TestProcessesLoseNoUpdate(t *testing.T) {
	root := t.TempDir()
	var cmds []*exec.Cmd
	for range 4 {
		cmds = append(cmds, child(t, "count", root))
	}
	for _, c := range cmds {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	data, _, err := store.Get(context.Background(), open(t, root), "n", 100)
	if want := strconv.Itoa(4 * countTo); err != nil || string(data) != want {
		t.Errorf("counted to %q, want %s; %v", data, want, err)
	}
}

const bigSize = 3 << 20

// writeForEver replaces an object with one of equal bytes, over and over, until it is killed.
func writeForEver(root string) error {
	s, err := dir.Open(root)
	for i := 0; err == nil; i++ {
		err = put(s, "big", bytes.Repeat([]byte{byte(i)}, bigSize), store.Condition{})
	}
	return err
}

// TestKilledWriters kills writers at different moments. The object stays whole, and the store can
// be written, since no lock outlives its process.
func TestKilledWriters(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := put(s, "big", make([]byte, bigSize), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		cmd := child(t, "write", root)
		time.Sleep(50*time.Millisecond + time.Duration(i)*7*time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		data, _, err := store.Get(context.Background(), s, "big", bigSize)
		if err != nil || len(data) != bigSize || bytes.Count(data, data[:1]) != bigSize {
			t.Fatalf("kill %d: %d bytes, %v", i, len(data), err)
		}
	}
	if err := put(s, "big", []byte("x"), store.Condition{}); err != nil {
		t.Error(err)
	}
}
