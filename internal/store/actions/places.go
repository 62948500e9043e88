package actions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// urlTime is how long a URL is used. The service makes them for ten minutes.
const urlTime = 8 * time.Minute

// blob is the content of an entry.
type blob struct {
	key  string
	size int64 // bytes; 0: not known. The lock of places guards it
	turn slots // of whoever looks the entry up; it guards what follows

	url  string
	made time.Time // when the URL was
	gone bool      // there is no such entry any more
}

func newBlob(key string) *blob { return &blob{key: key, turn: newTurn()} }

// place is where an object lies.
type place struct {
	blob     *blob
	off, len int64
}

// places is what is known of where objects lie: from the tables of entries and bundles that were
// read, and what was written. Safe for concurrent use.
type places struct {
	mu      sync.Mutex
	blobs   map[string]*blob // by key
	objects map[snapshot.NameHash]place
	lost    map[*blob]bool // those that are gone
	young   map[*blob]bool // those that were named by what was written a moment ago
}

func newPlaces() *places {
	return &places{blobs: map[string]*blob{}, objects: map[snapshot.NameHash]place{}, lost: map[*blob]bool{}, young: map[*blob]bool{}}
}

// blob returns the one blob with a key.
func (p *places) blob(key string) *blob {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blobLocked(key)
}

func (p *places) blobLocked(key string) *blob {
	b, ok := p.blobs[key]
	if !ok {
		b = newBlob(key)
		p.blobs[key] = b
	}
	return b
}

// matched notes what a lookup has found.
func (p *places) matched(ctx context.Context, m match) (*blob, error) {
	b := p.blob(m.key)
	if err := b.turn.acquire(ctx); err != nil {
		return nil, err
	}
	defer b.turn.release()
	b.url, b.made, b.gone = m.url, m.at, false
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lost, b)
	return b, nil
}

// find returns where an object lies, as far as it is known.
func (p *places) find(h snapshot.NameHash) (place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.objects[h]
	return at, ok && !p.lost[at.blob]
}

// learn adds what a table says. What is known already stays, since readers may be at it, unless it
// is lost, or the table is of what this store has written. young says that the table was written a
// moment ago.
func (p *places) learn(l *snapshot.Locations, written, young bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*blob, len(l.Bundles))
	for i, x := range l.Bundles {
		list[i] = p.blobLocked(x.Key)
		list[i].size = x.Size
		if young {
			p.young[list[i]] = true
		}
	}
	for _, x := range l.Objects {
		if old, ok := p.objects[x.Object]; ok && !written && !p.lost[old.blob] {
			continue
		}
		p.objects[x.Object] = place{list[x.Bundle], x.Off, x.Len}
	}
}

// lose notes that a blob is gone.
func (p *places) lose(b *blob) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost[b] = true
}

// locate returns the places of objects, by blob in the order in which these come up first. Objects
// that nobody knows of are left out.
func (p *places) locate(objects []string) *snapshot.Locations {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := new(snapshot.Locations)
	index := map[*blob]int{}
	for _, name := range objects {
		h := snapshot.HashName(name)
		at, ok := p.objects[h]
		if !ok {
			continue
		}
		i, ok := index[at.blob]
		if !ok {
			i = len(l.Bundles)
			index[at.blob] = i
			l.Bundles = append(l.Bundles, snapshot.Bundle{Key: at.blob.key, Size: at.blob.size})
		}
		l.Objects = append(l.Objects, snapshot.Located{Object: h, Bundle: i, Off: at.off, Len: at.len})
	}
	l.Sort()
	return l
}

// errGone: there is no entry with the key any more, if there ever was.
var errGone = fmt.Errorf("%w: the service has removed the entry that it lies in", store.ErrNotFound)

// urlOf returns a URL for the content of an entry that is not the stale one.
func (r *reader) urlOf(ctx context.Context, b *blob, stale string) (string, error) {
	if err := b.turn.acquire(ctx); err != nil {
		return "", err
	}
	defer b.turn.release()
	if b.gone {
		return "", errGone
	}
	if b.url != "" && b.url != stale && r.opts.Now().Sub(b.made) < urlTime {
		return b.url, nil
	}
	m, ok, err := r.appears(ctx, b.key, r.lag(b))
	if err != nil {
		return "", err
	}
	if !ok {
		b.gone = true
		r.places.lose(b)
		return "", errGone
	}
	b.url, b.made = m.url, m.at
	return b.url, nil
}

// lag is how long lookups may lag behind of an entry: those of one that was named a moment ago, by
// a snapshot that was just published. Others that are not found are gone.
func (r *reader) lag(b *blob) time.Duration {
	if r.places.isYoung(b) {
		return r.opts.Patience / 3
	}
	return r.opts.Patience / 15
}

// youngTime is how long after it was written an entry, and what it names, may not be seen yet.
const youngTime = 5 * time.Minute

// appears looks for the entry with a key, for a while: lookups can lag behind, and another save may
// have reserved it.
func (r *remote) appears(ctx context.Context, key string, patience time.Duration) (match, bool, error) {
	var m match
	ok, err := r.poll(ctx, patience, func() (ok bool, err error) {
		m, ok, err = r.service.lookup(ctx, key)
		return ok && m.key == key, err
	})
	if !ok {
		return match{}, false, err
	}
	return m, true, nil
}

// poll calls look until that finds something, or for as long as patience lasts.
func (r *remote) poll(ctx context.Context, patience time.Duration, look func() (bool, error)) (found bool, err error) {
	end := r.opts.Now().Add(patience)
	for pause := min(patience/16, r.opts.Pause); ; pause = nextPause(pause, patience) {
		found, err := look()
		if err != nil || found {
			return err == nil, err
		}
		if r.opts.Now().Add(pause).After(end) {
			return false, nil
		}
		if !store.Sleep(ctx, pause) {
			return false, store.Ended(ctx)
		}
	}
}

// isMiss reports whether an error says that there is nothing.
func isMiss(err error) bool { return errors.Is(err, store.ErrNotFound) }

// isLost reports whether the entry with a key is known to be gone.
func (p *places) isLost(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.blobs[key]
	return ok && p.lost[b]
}

// isYoung reports whether a blob was named a moment ago.
func (p *places) isYoung(b *blob) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.young[b]
}
