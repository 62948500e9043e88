package build

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
)

// The bytes of a pack always have to match their hash in the manifest. But whoever wrote the
// manifest may have assigned to an output other bytes than those that its name is the SHA-256 of,
// and a local file may have changed since it was written. The go command notices neither.
// Restore.Verify checks both.

// Compare scans the local cache, which is most of the work if little is missing. scanning is told
// how many bytes of memory the scan takes, and 0 when it is over.
func Compare(ctx context.Context, c *buildcache.Cache, verify bool, scanning func(bytes int64)) (State, error) {
	inv, err := c.Scan(ctx, buildcache.ScanOptions{Memory: scanning})
	if err != nil {
		return State{}, fmt.Errorf("build cache: %w", err)
	}
	scanning(0)
	here := State{Inventory: inv}
	if !verify {
		return here, nil
	}
	wrong, err := findWrong(ctx, c, inv.Outputs)
	if err != nil {
		return State{}, fmt.Errorf("build cache: %w", err)
	}
	here.dropWrong(wrong)
	return here, nil
}

// findWrong hashes outputs, and reports for each whether its bytes do not match its name. A file
// that cannot be read counts as wrong.
func findWrong(ctx context.Context, c *buildcache.Cache, outputs []buildcache.Output) ([]bool, error) {
	wrong := make([]bool, len(outputs))
	err := install.Each(ctx, len(outputs), runtime.GOMAXPROCS(0), func(i int) {
		wrong[i] = hashOutput(c, outputs[i]) != outputs[i].ID
	})
	return wrong, err
}

// dropWrong treats outputs as absent, together with all entries that name them.
func (h *State) dropWrong(wrong []bool) {
	bad := map[digest.ID]bool{}
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

// hashOutput returns the SHA-256 of a local output; zero if it cannot be read.
func hashOutput(c *buildcache.Cache, o buildcache.Output) (sum digest.ID) {
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
