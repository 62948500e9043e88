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
// the next save of the same job brings it back. pub may be written already, by a write whose
// condition was ignored. What is returned is written, as far as is known, if it says so.
func (p *publisher) publishUnconditional(ctx context.Context, pub published, own *snapshot.Manifest) (published, error) {
	p.warnUnconditional()
	for range settleAttempts {
		m := pub.plan.manifest
		newest, _, err := p.reread(ctx, m.Key, p.pause(2))
		if err != nil {
			return pub, err
		}
		if newest != nil && !wroteAt(newest, own) && !(pub.written && wroteAt(newest, m) && includes(newest, m)) {
			own = newest
			pub = published{} // its manifest is in the way of the next one
			pub.plan = p.plan(own)
			m = pub.plan.manifest
			p.stamp(m, own)
		}
		if err := p.writeManifest(ctx, m, m.Key, store.Condition{}); err != nil {
			return pub, err
		}
		pub.written = true
		newest, _, err = p.reread(ctx, m.Key, settleTime+rand.N(settleTime/2))
		if err != nil {
			return pub, err
		}
		if newest != nil && includes(newest, m) {
			return pub, nil
		}
		pub.written = false
	}
	return pub, errOverwritten
}

func (p *publisher) warnUnconditional() {
	if p.ignored {
		p.log.warn("the store ignores conditional writes: of saves of this key at the same time, one may be lost; say so with conditional-writes=false in --store")
	} else {
		p.log.warn("the store has no conditional writes: of saves of this key at the same time, one may be lost")
	}
}

// wroteAt reports whether two manifests were written at the same moment, by their own word.
func wroteAt(m, other *snapshot.Manifest) bool {
	return other != nil && m.Writer.Time.Equal(other.Writer.Time)
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
