package dir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

// asOrdinaryUser runs the rest of the test without root's privilege to ignore permissions.
func asOrdinaryUser(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := syscall.Setfsuid(65534); err != nil {
		t.Error("cannot change the user: ", err)
	}
}

func TestDenied(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := put(s, "x", nil, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "x"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(root, 0o777) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		asOrdinaryUser(t)
		for _, name := range []string{"dir/y", "x"} {
			if err := put(s, name, nil, store.Condition{}); !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), root) {
				t.Errorf("put %s: %v", name, err)
			}
		}
		if _, _, err := s.Open(context.Background(), "x", 0, -1); !errors.Is(err, store.ErrDenied) {
			t.Errorf("open: %v", err)
		}
		if err := put(open(t, filepath.Join(root, "new")), "x", nil, store.Condition{}); !errors.Is(err, store.ErrDenied) {
			t.Errorf("put to a store that cannot be created: %v", err)
		}
	}()
	<-done
}

// TestFullDisk writes more than a small file system holds.
func TestFullDisk(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(root, syscall.MNT_DETACH) })
	s := open(t, root)
	if err := put(s, "small", make([]byte, 1000), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each failed attempt must free its space for the next
		err := put(s, "large", make([]byte, 2<<20), store.Condition{})
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "large") {
			t.Errorf("put: %v", err)
		}
	}
	if err := put(s, "medium", make([]byte, 700<<10), store.Condition{}); err != nil {
		t.Error(err)
	}
	if got := strings.Join(files(t, root), " "); got != "medium small" {
		t.Errorf("files: %s", got)
	}
}

// TestReadOnlyFileSystem: writing to a store on a disk that is mounted read-only is denied.
func TestReadOnlyFileSystem(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount a file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(root, syscall.MNT_DETACH) })
	if err := put(open(t, root), "x", nil, store.Condition{}); !errors.Is(err, store.ErrDenied) {
		t.Errorf("put: %v", err)
	}
}

// TestNamedPipe: a file that is not regular is not an object, and no operation waits for it.
func TestNamedPipe(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "x"), 0o666); err != nil {
		t.Skip(err)
	}
	if _, _, err := open(t, root).Open(t.Context(), "x", 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open: %v", err)
	}
}
