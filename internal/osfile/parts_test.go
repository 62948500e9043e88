package osfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteParts: all parts are written one after another, however many there are, and the list
// does not change.
func TestWriteParts(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1024, 3000} {
		path := filepath.Join(t.TempDir(), "f")
		var parts [][]byte
		for i := range n {
			parts = append(parts, fmt.Appendf(nil, "part %d;", i))
		}
		want := bytes.Join(parts, nil)
		f, err := Create(path, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		done, err := f.WriteParts(parts...)
		if err = errors.Join(err, f.Close()); err != nil || done != int64(len(want)) {
			t.Errorf("%d parts: %d bytes, %v", n, done, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) || !bytes.Equal(bytes.Join(parts, nil), want) {
			t.Errorf("%d parts: %d bytes of %d, %v", n, len(got), len(want), err)
		}
	}
}

// TestWritePartsAt: parts can come in any order, and gaps between them read as zeros.
func TestWritePartsAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if _, err := Reopen(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reopened a missing file: %v", err)
	}
	f, err := Create(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WritePartsAt(6, []byte("67"), []byte("89"))
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if f, err = Reopen(path); err != nil {
		t.Fatal(err)
	}
	_, err = f.WritePartsAt(1, []byte("123"))
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "\x00123\x00\x006789" {
		t.Errorf("%q, %v", got, err)
	}
}
