package osfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// TestRenameWaits: a file is in use, without sharing of deletion, for a moment.
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

// TestOpenShared: what is being read can be replaced.
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
