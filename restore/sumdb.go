package restore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/org/gocache-action/internal/checksumdb"
)

// What go.sum names, go.sum proves. Of tools that are installed by version, and of toolchains, the
// hash is only what the snapshot says, and whoever can write snapshots can say anything. The
// checksum database knows better; and as the go command keeps its answers in the module cache, the
// snapshot brings the proof along, mostly.

// sumCheck asks the checksum database about modules that go.sum does not name.
type sumCheck struct {
	session *checksumdb.Session
	always  bool
	// closed when all trees are restored, and with them the answers that are kept
	trees  chan struct{}
	warned sync.Once
}

// startSumCheck decides whether anything is checked: nothing when a trusted key vouches for the
// snapshot, unless all has to be.
func (r *run) startSumCheck(ctx context.Context) {
	if r.SumDB == nil || r.Trust != nil && !r.SumDBAlways {
		return
	}
	keep := func(name string, data []byte) {
		// What cannot be kept is asked for again the next time.
		_, _ = r.stage.InstallGraphFile("cache/download/sumdb/"+name, data, false)
	}
	c := &sumCheck{always: r.SumDBAlways, trees: make(chan struct{})}
	c.session = r.SumDB.Session(ctx, filepath.Join(r.ModDir, "cache", "download", "sumdb"), keep)
	if len(r.trees) == 0 {
		close(c.trees)
	}
	r.sums = c
}

// treesDone tells that all trees are restored, or lost.
func (c *sumCheck) treesDone() {
	if c != nil {
		close(c.trees)
	}
}

// errUnchecked says that nothing is known against a module, and nothing for it.
var errUnchecked = errors.New("not in go.sum, and not checked")

// checkSum returns an error if a module may not be restored. The caller must hold nothing that the
// restore of a tree could wait for.
func (r *run) checkSum(ctx context.Context, j moduleJob) error {
	c := r.sums
	if c == nil || !j.unproven {
		return nil
	}
	select {
	case <-c.trees:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := c.session.Check(j.version, j.sum, j.modSum)
	switch {
	case errors.Is(err, checksumdb.ErrNotCovered):
		return nil // the user says that nobody can vouch for it
	case !errors.Is(err, checksumdb.ErrUnavailable):
		return err
	case c.always:
		return fmt.Errorf("%w: %w", errUnchecked, err)
	}
	c.warned.Do(func() {
		r.tally.warn("modules that are not in go.sum, such as %s, were restored as the snapshot has them: %v", j.version, err)
	})
	return nil
}
