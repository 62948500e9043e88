package modules

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/store"
)

// What go.sum names, go.sum proves. Tools that are installed by version, and toolchains, are not in
// go.sum: their hashes are only what the snapshot says, and whoever can write snapshots can make it
// say anything. The checksum database knows better. The go command keeps its answers in the module
// cache, so the snapshot mostly brings the proof along.

// Checker says whether a version has these hashes: nil, or an error that wraps one of package
// checksumdb.
type Checker interface {
	Check(v module.Version, sum, goModSum string) error
}

// CheckFunc begins the checks of one restore. Answers are kept in the module cache, by way of the
// stage.
type CheckFunc func(ctx context.Context, stage *modcache.Stage) (c Checker, always bool)

// AskDatabase returns a CheckFunc that asks a checksum database. With always, modules are refused
// if the database does not answer.
func AskDatabase(db *checksumdb.DB, modDir string, always bool) CheckFunc {
	return func(ctx context.Context, stage *modcache.Stage) (Checker, bool) {
		keep := func(name string, data []byte) {
			// What cannot be kept is asked for again the next time.
			_, _ = stage.InstallGraphFile("cache/download/sumdb/"+name, data, false)
		}
		return db.Session(ctx, modcache.SumDB(modDir), keep), always
	}
}

// proof checks modules that go.sum does not name. Safe for concurrent use.
type proof struct {
	checker Checker
	always  bool
	// closed when all trees are restored, and with them the answers that were kept
	trees  <-chan struct{}
	warned atomic.Bool
}

// errUnchecked says that nothing is known against a module, and nothing for it.
var errUnchecked = errors.New("not in go.sum, and not checked")

// check returns an error if a module must not be restored. The caller must not hold anything that
// the restore of a tree may wait for.
func (p *proof) check(ctx context.Context, w Wanted, out *install.Outcome) error {
	if p == nil || !w.Unproven {
		return nil
	}
	select {
	case <-p.trees:
	case <-ctx.Done():
		return store.Ended(ctx)
	}
	err := p.checker.Check(w.Version, w.Sum, w.ModSum)
	switch {
	case err != nil && ctx.Err() != nil: // it was not asked to the end
		return store.Ended(ctx)
	case errors.Is(err, checksumdb.ErrNotCovered):
		return nil // GONOSUMDB excludes it: nobody can vouch for it
	case !errors.Is(err, checksumdb.ErrUnavailable):
		return err
	case p.always:
		return fmt.Errorf("%w: %w", errUnchecked, err)
	}
	if p.warned.CompareAndSwap(false, true) {
		out.Warn("modules that are not in go.sum, such as %s, were restored as the snapshot has them: %v",
			w.Version, err)
	}
	return nil
}
