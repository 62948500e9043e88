package build

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	errs, err := proveOutputs(ctx, c, inv.Outputs)
	if err != nil {
		return State{}, fmt.Errorf("build cache: %w", err)
	}
	here.drop(errs)
	return here, nil
}

// errWrong says that the bytes of an output are not what it is named by.
var errWrong = errors.New("wrong content")

// proveOutputs hashes outputs. It returns errWrong for each whose bytes do not match its name, and
// why it could not be read for others.
func proveOutputs(ctx context.Context, c *buildcache.Cache, outputs []buildcache.Output) ([]error, error) {
	errs := make([]error, len(outputs))
	err := install.Each(ctx, len(outputs), runtime.GOMAXPROCS(0), func(i int) {
		sum, err := buildcache.HashOutput(ctx, c, outputs[i], nil)
		if err == nil && sum != outputs[i].ID {
			err = errWrong
		}
		errs[i] = err
	})
	return errs, err
}

// drop treats outputs with an error as absent, together with all entries that name them. Those that
// are wrong have to go. One that could not be read stays where it is: the reason may be over a
// moment later, such as too many open files.
func (h *State) drop(errs []error) {
	bad := map[digest.ID]bool{}
	for i, o := range h.Inventory.Outputs {
		switch {
		case errs[i] == nil:
			continue
		case errs[i] == errWrong:
			h.Wrong = append(h.Wrong, o)
		default:
			h.Inventory.Unread = append(h.Inventory.Unread, errs[i])
		}
		bad[o.ID] = true
	}
	if len(bad) > 0 {
		h.Inventory.Drop(bad)
	}
}

// hashFile takes what opening a file returned, and returns the SHA-256 of its content.
func hashFile(f *os.File, err error) (digest.ID, error) {
	if err != nil {
		return digest.ID{}, err
	}
	defer f.Close()
	return buildcache.Hash(context.Background(), f, nil)
}
