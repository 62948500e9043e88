package lockfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestLock: the lock file of a running process cannot be taken, and that of a process that has
// ended can.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	if _, err := Take(path); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("a file that is not there: %v", err)
	}
	owner, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(path); !errors.Is(err, ErrLocked) {
		t.Errorf("its owner is running: %v", err)
	}
	if _, err := Create(path); !errors.Is(err, ErrLocked) {
		t.Errorf("created twice: %v", err)
	}
	if err := owner.Unlock(); err != nil {
		t.Fatal(err)
	}
	other, err := Take(path)
	if err != nil {
		t.Fatalf("its owner is gone: %v", err)
	}
	if _, err := Take(path); !errors.Is(err, ErrLocked) {
		t.Errorf("taken twice: %v", err)
	}
	if err := other.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

// TestReadOnly: the file of another user can be locked if it can be read.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("nothing is read-only for root, who takes the file like any other")
	}
	path := filepath.Join(t.TempDir(), "x.lock")
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	l, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
}
