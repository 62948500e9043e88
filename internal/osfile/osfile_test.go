package osfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

func TestMain(m *testing.M) {
	osfiletest.Main(m, map[string]func(string) error{
		"write":  writeMany,
		"remove": RemoveAll,
	})
}

// writeMany writes n files to a new directory, with an mtime.
func writeMany(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for i := range n {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := WriteFile(path, 0o666, make([]byte, 3000), time.Unix(1e9, 0)); err != nil {
			return err
		}
	}
	return nil
}

func TestThreeCallsPerFile(t *testing.T) {
	const n = 1000
	calls := osfiletest.CountWrites(t, "write", strconv.Itoa(n)) - osfiletest.CountWrites(t, "write", "0")
	// The runtime itself writes a little, to wake its threads.
	if calls < 3*n || calls > 3*n+20 {
		t.Errorf("%d files took %d calls that create, write or close, want %d", n, calls, 3*n)
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	when := time.Unix(1234567890, 123456000)
	want := []byte("content")
	if err := WriteFile(path, 0o444, want, when); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !st.ModTime().Truncate(time.Microsecond).Equal(when) || st.Mode().Perm()&0o222 != 0 {
		t.Errorf("mtime %v, want %v; mode %v, want 0444", st.ModTime(), when, st.Mode())
	}
	if err := WriteFile(path, 0o666, []byte("other"), time.Time{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second WriteFile: %v, want fs.ErrExist", err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("content is %q, want %q", got, want)
	}
	if err := WriteFile(filepath.Join(path, "below"), 0o666, nil, time.Time{}); err == nil {
		t.Error("a file below a file was created")
	}
}

func TestOverwriteKeepsContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Overwrite(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(5), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "abc34" {
		t.Errorf("content is %q", got)
	}
}

func TestIsNoSpace(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	f, err := Overwrite("/dev/full", 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Write([]byte("x"))
	if !IsNoSpace(fmt.Errorf("wrapped: %w", err)) {
		t.Errorf("%v is not recognized", err)
	}
	if IsNoSpace(nil) || IsNoSpace(fs.ErrPermission) {
		t.Error("IsNoSpace holds for other errors")
	}
}

func TestIsBadName(t *testing.T) {
	name := strings.Repeat("x", 300)
	// there, the file system sets the limit, but some characters are not allowed in names
	if runtime.GOOS == "windows" {
		name = "what?"
	}
	_, err := Create(filepath.Join(t.TempDir(), name), 0o666)
	if !IsBadName(fmt.Errorf("wrapped: %w", err)) {
		t.Errorf("%v is not recognized", err)
	}
	if IsBadName(nil) || IsBadName(fs.ErrNotExist) {
		t.Error("IsBadName holds for other errors")
	}
}

func TestRemoveAllReadOnlyTree(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	root := filepath.Join(dir, "mod", "tree")
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{outside, filepath.Join(root, "a", "b", "file"), filepath.Join(root, "file")} {
		if err := os.WriteFile(f, nil, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink(outside, filepath.Join(root, "a", "link")); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"a/b", "a", "."} {
		if err := os.Chmod(filepath.Join(root, d), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	cmd := osfiletest.Command(t, "remove", root)
	osfiletest.AsOrdinaryUser(t, cmd, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Lstat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("tree is still there: %v", err)
	}
	if _, err := os.Lstat(outside); err != nil {
		t.Errorf("target of a symbolic link: %v", err)
	}
	if err := RemoveAll(root); err != nil {
		t.Errorf("a missing tree: %v", err)
	}
}

func TestDir(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "f"), []byte("0123456789"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if names, err := d.Names(); err != nil || len(names) != 2 {
		t.Errorf("Names: %v, %v", names, err)
	}
	var buf [4]byte
	n, in, err := d.ReadFile("f", buf[:])
	if err != nil || string(buf[:n]) != "0123" || in.Size != 10 || !in.Mode.IsRegular() {
		t.Errorf("ReadFile: %q, %+v, %v", buf[:n], in, err)
	}
	if _, in, err := d.ReadFile("d", buf[:]); err != nil || !in.Mode.IsDir() {
		t.Errorf("ReadFile of a directory: %+v, %v", in, err)
	}
	if _, err := d.Lstat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lstat of a missing file: %v", err)
	}
	if _, err := OpenDir(filepath.Join(path, "f")); err == nil {
		t.Error("OpenDir opens a file")
	}
}
