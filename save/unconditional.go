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
func (p *publisher) publishUnconditional(ctx context.Context, plan planned, own *snapshot.Manifest) (planned, error) {
	if p.ignored {
		p.log.warn("the store ignores conditional writes: of saves of this key at the same time, one may be lost; say so with conditional-writes=false in --store")
	} else {
		p.log.warn("the store has no conditional writes: of saves of this key at the same time, one may be lost")
	}
	for range settleAttempts {
		newest, _, err := p.reread(ctx, plan.manifest.Key, p.pause(2))
		if err != nil {
			return plan, err
		}
		if newest != nil && (own == nil || !newest.Writer.Time.Equal(own.Writer.Time)) {
			own = newest
			plan = p.plan(own)
			p.stamp(plan.manifest, own)
		}
		if err := p.writeManifest(ctx, plan.manifest, plan.manifest.Key, store.Condition{}); err != nil {
			return plan, err
		}
		newest, _, err = p.reread(ctx, plan.manifest.Key, settleTime+rand.N(settleTime/2))
		if err != nil {
			return plan, err
		}
		if newest != nil && includes(newest, plan.manifest) {
			return plan, nil
		}
	}
	return plan, errOverwritten
}

// replaceLatest is publishLatest for a store without conditional writes: it looks once more what is
// there, for uploads may lie between the first look and this moment.
func (p *publisher) replaceLatest(ctx context.Context, latest *snapshot.Manifest) error {
	old, _, err := p.reread(ctx, latest.Key, 0)
	if err != nil || p.leaves(old, latest) {
		return err
	}
	return p.writeManifest(ctx, latest, latest.Key, store.Condition{})
}
