package osfile

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestBlockSize: blocks are counted in fragments, whatever a file system would rather transfer.
func TestBlockSize(t *testing.T) {
	for _, c := range []struct {
		sys  unix.Statfs_t
		want uint64
	}{
		{unix.Statfs_t{Bsize: 1 << 20, Frsize: 4096}, 4096},
		{unix.Statfs_t{Bsize: 4096}, 4096},
	} {
		if got := blockSize(&c.sys); got != c.want {
			t.Errorf("%d, %d: %d", c.sys.Bsize, c.sys.Frsize, got)
		}
	}
}
