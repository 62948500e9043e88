package osfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	total, free, id, err := Space(dir)
	if err != nil || total <= 0 || free < 0 || free > total || id == "" {
		t.Errorf("%d bytes, %d free, of %q, %v", total, free, id, err)
	}
	if _, _, again, _ := Space(dir); again != id {
		t.Errorf("%q became %q", id, again)
	}
	if _, _, _, err := Space(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}
