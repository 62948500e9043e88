package osfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// TestRenameWaits: another program uses a file for a moment, without sharing deletion.
func TestRenameWaits(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, p := range []string{from, to} {
		if err := os.WriteFile(p, []byte(p), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	name, _ := windows.UTF16PtrFromString(to)
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); !IsLocked(err) {
		t.Errorf("a bare rename: %v", err)
	}
	time.AfterFunc(300*time.Millisecond, func() { windows.CloseHandle(h) })
	if err := Rename(from, to); err != nil {
		t.Error(err)
	}
}

// TestOpenShared: a file that is being read can be replaced.
func TestOpenShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenShared(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(path, path+"2"); err != nil {
		t.Error(err)
	}
	if _, err := OpenShared(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestReplaceShared: a file that is being read can be replaced. Its readers keep the old content,
// and nothing but the old file is left next to it.
func TestReplaceShared(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, p := range []string{from, to} {
		if err := os.WriteFile(p, []byte(filepath.Base(p)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f, err := OpenShared(to)
	if err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(dir, "aside")
	if err := ReplaceShared(from, to, func() (string, error) { return aside, nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to); string(got) != "from" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if got, err := io.ReadAll(f); string(got) != "to" {
		t.Errorf("the reader has %q, %v", got, err)
	}
	f.Close()
	if got, err := os.ReadFile(aside); err == nil && string(got) != "to" {
		t.Errorf("the file moved aside has %q", got)
	}
	os.Remove(aside)
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left: %v", list)
	}
}

// TestReplaceLocked: a file that another program does not share is not replaced, and its
// replacement is not lost.
func TestReplaceLocked(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, p := range []string{from, to} {
		if err := os.WriteFile(p, []byte(filepath.Base(p)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	name, _ := windows.UTF16PtrFromString(to)
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = ReplaceShared(from, to, func() (string, error) { return filepath.Join(dir, "aside"), nil })
	windows.CloseHandle(h)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Errorf("locked all the time: %v", err)
	}
	for _, p := range []string{from, to} {
		if got, err := os.ReadFile(p); string(got) != filepath.Base(p) {
			t.Errorf("%s has %q, %v", p, got, err)
		}
	}
}
