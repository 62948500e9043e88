package save

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Without conditional writes, a save looks after a while whether what it wrote is still there.
const (
	// settleTime is longer than what usually lies between the moment at which another save reads
	// the manifest and that at which it writes its own: then a save that overwrote this one is
	// seen.
	settleTime     = time.Second
	settleAttempts = 20
)

var errOverwritten = errors.New("other saves of this key keep overwriting this one, and the store has no conditional writes")

// publishUnconditional is publish for a store without conditional writes: read, merge, write, wait,
// and look whether everything is there; if another save has overwritten it, merge again. Work is
// lost only where another save takes longer than settleTime from its last reading to its writing;
// the next save of the same job brings it back.
func (r *run) publishUnconditional(ctx context.Context, a assembly, own *snapshot.Manifest) (assembly, error) {
	if r.ignored {
		r.tally.warn("the store ignores conditional writes: of saves of this key at the same time, one may be lost; say so with conditional-writes=false in --store")
	} else {
		r.tally.warn("the store has no conditional writes: of saves of this key at the same time, one may be lost")
	}
	for range settleAttempts {
		newest, _, err := r.reread(ctx, a.manifest.Key, pause(2))
		if err != nil {
			return a, err
		}
		if newest != nil && (own == nil || !newest.Writer.Time.Equal(own.Writer.Time)) {
			own = newest
			a = r.assemble(own)
			r.stamp(a.manifest, own)
		}
		if err := r.writeManifest(ctx, a.manifest, a.manifest.Key, store.Condition{}); err != nil {
			return a, err
		}
		newest, _, err = r.reread(ctx, a.manifest.Key, settleTime+rand.N(settleTime/2))
		if err != nil {
			return a, err
		}
		if newest != nil && includes(newest, a.manifest) {
			return a, nil
		}
	}
	return a, errOverwritten
}

// includes reports whether a manifest has every entry and every module of another.
func includes(m, other *snapshot.Manifest) bool {
	for _, x := range other.Actions {
		if findAction(m, x.ID) == nil {
			return false
		}
	}
	p := previous{manifests: []*snapshot.Manifest{m}}
	for _, x := range other.Modules {
		if p.module(x.Path, x.Version, x.Sum) == nil {
			return false
		}
	}
	return true
}
