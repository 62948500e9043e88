package build

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
)

// The bytes of a pack always have to match their hash in the manifest. But whoever wrote the
// manifest may have given an output other bytes than those that its name, a SHA-256, stands for;
// and a file that is here may have changed since. The go command notices neither. With
// Restore.Verify both are checked.

// Compare lists what is here, which over an existing cache is most of a restore. scanning is told
// how many bytes that takes for the moment.
func Compare(ctx context.Context, c *buildcache.Cache, verify bool, scanning func(bytes int64)) (Here, error) {
	inv, err := c.Scan(ctx, buildcache.ScanOptions{Memory: scanning})
	if err != nil {
		return Here{}, fmt.Errorf("build cache: %w", err)
	}
	scanning(0)
	here := Here{Inventory: inv}
	if !verify {
		return here, nil
	}
	wrong, err := findWrong(ctx, c, inv.Outputs)
	if err != nil {
		return Here{}, fmt.Errorf("build cache: %w", err)
	}
	here.dropWrong(wrong)
	return here, nil
}

// findWrong hashes outputs, and returns which are not what they are named by. A file that cannot be
// read counts as wrong.
func findWrong(ctx context.Context, c *buildcache.Cache, outputs []buildcache.Output) ([]bool, error) {
	wrong := make([]bool, len(outputs))
	err := install.Each(ctx, len(outputs), runtime.GOMAXPROCS(0), func(i int) {
		wrong[i] = hashOutput(c, outputs[i]) != outputs[i].ID
	})
	return wrong, err
}

// dropWrong takes outputs, with all entries that name them, for absent.
func (h *Here) dropWrong(wrong []bool) {
	bad := map[buildcache.ID]bool{}
	for i, o := range h.Inventory.Outputs {
		if wrong[i] {
			bad[o.ID] = true
			h.Wrong = append(h.Wrong, o)
		}
	}
	if len(bad) > 0 {
		h.Inventory.Drop(bad)
	}
}

// hashOutput returns the SHA-256 of a local output, or no such value.
func hashOutput(c *buildcache.Cache, o buildcache.Output) (sum buildcache.ID) {
	f, err := c.OpenOutput(o)
	if err != nil {
		return sum
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum
	}
	h.Sum(sum[:0])
	return sum
}
