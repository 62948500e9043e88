package osfile

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"testing"
)

// TestCapacity: more bytes than fit into an int64 are as many as do.
func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		blocks, size uint64
		want         int64
	}{
		{0, 4096, 0},
		{3, 4096, 12288},
		{math.MaxInt64, 1, math.MaxInt64},
		{1 << 51, 4096, math.MaxInt64},   // 2^63
		{1 << 52, 4096, math.MaxInt64},   // 2^64
		{1<<52 + 1, 4096, math.MaxInt64}, // 4096 in 64 bits
		{math.MaxUint64, 1 << 20, math.MaxInt64},
	} {
		if got := capacity(c.blocks, c.size); got != c.want {
			t.Errorf("%d blocks of %d: %d, want %d", c.blocks, c.size, got, c.want)
		}
	}
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	v, err := Space(dir)
	if err != nil || v.Total <= 0 || v.Free < 0 || v.Free > v.Total || v.Block <= 0 || v.ID == "" {
		t.Errorf("%+v, %v", v, err)
	}
	if again, _ := Space(dir); again.ID != v.ID {
		t.Errorf("%q became %q", v.ID, again.ID)
	}
	if _, err := Space(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}
