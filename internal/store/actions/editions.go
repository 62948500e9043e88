package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// editions are the versions of objects that are replaced, as far as they are known. Safe for
// concurrent use.
type editions struct {
	*reader

	mu     sync.Mutex
	newest map[string]edition // by the prefix of the key: the highest version that was ever seen
	// by the prefix: versions that are reserved and could not be seen, as this save or earlier ones
	// have found; sorted
	passed map[string][]uint64
}

func newEditions(r *reader) *editions {
	return &editions{reader: r, newest: map[string]edition{}, passed: map[string][]uint64{}}
}

// edition is a version of an object that is replaced: an entry whose key ends in its number.
type edition struct {
	prefix string // of the key
	n      uint64
	blob   *blob
}

// find looks for the newest entry with one of the prefixes, and returns the index of the prefix
// that it has. Lookups can go backwards: what was seen once is not forgotten.
func (ed *editions) find(ctx context.Context, prefixes []string) (i int, e edition, err error) {
	if err := ed.readable(); err != nil {
		return 0, e, err
	}
	e, ok, err := ed.findOurs(ctx, prefixes)
	if err != nil {
		return 0, e, err
	}
	for i, p := range prefixes {
		if known, seen := ed.known(p); seen {
			return i, known, nil
		}
		if ok && strings.HasPrefix(e.prefix, p) {
			return i, e, nil
		}
	}
	return 0, e, store.ErrNotFound
}

// findOurs looks for the newest entry with one of the prefixes. Where that is none of this program,
// it looks on without the prefixes that this entry has.
func (ed *editions) findOurs(ctx context.Context, prefixes []string) (e edition, ok bool, err error) {
	for len(prefixes) > 0 {
		m, ok, err := ed.service.lookup(ctx, prefixes...)
		if err != nil || !ok {
			return e, false, err
		}
		if e, ok, err = ed.saw(ctx, m); err != nil || ok {
			return e, ok, err
		}
		prefixes = slices.DeleteFunc(slices.Clone(prefixes), func(p string) bool { return strings.HasPrefix(m.key, p) })
	}
	return e, false, nil
}

// saw notes an entry that a lookup has found, and returns the newest one of the same object.
func (ed *editions) saw(ctx context.Context, m match) (edition, bool, error) {
	prefix, n, ok := splitNumber(m.key)
	if !ok {
		return edition{}, false, nil // not one of ours
	}
	b, err := ed.places.matched(ctx, m)
	if err != nil {
		return edition{}, false, err
	}
	return ed.noteEdition(edition{prefix, n, b}), true, nil
}

// noteEdition notes an entry that exists, and returns the newest one of the same object.
func (ed *editions) noteEdition(e edition) edition {
	ed.mu.Lock()
	defer ed.mu.Unlock()
	if old := ed.newest[e.prefix]; old.n > e.n {
		return old
	}
	ed.newest[e.prefix] = e
	return e
}

// known returns the newest entry that was ever seen of an object.
func (ed *editions) known(prefix string) (edition, bool) {
	ed.mu.Lock()
	defer ed.mu.Unlock()
	e, ok := ed.newest[prefix]
	return e, ok
}

// forget is for an entry that is gone.
func (ed *editions) forget(e edition) {
	ed.mu.Lock()
	defer ed.mu.Unlock()
	if ed.newest[e.prefix].n == e.n {
		delete(ed.newest, e.prefix)
	}
}

// openFirst opens the first entry with one of the prefixes. An entry can go between its lookup and
// its reading; then it looks once more.
func (ed *editions) openFirst(ctx context.Context, prefixes []string) (i int, body *window, info store.Info, err error) {
	for try := 1; ; try++ {
		var e edition
		if i, e, err = ed.find(ctx, prefixes); err != nil {
			return i, nil, info, err
		}
		body, info, err = ed.openEntry(ctx, e)
		if !isMiss(err) {
			return i, body, info, err
		}
		if try == 3 { // lookups find it, and that is all there is
			body, info = damagedEntry(e, fmt.Errorf("%w: %w", snapshot.ErrCorrupt, errNoBlob))
			return i, body, info, nil
		}
		ed.forget(e)
	}
}

// openEntry opens what follows the table of an entry, and learns from the table. A damaged entry
// can be opened: its version is needed to replace it.
func (ed *editions) openEntry(ctx context.Context, e edition) (*window, store.Info, error) {
	info := store.Info{Version: versionOf(e.n), ModTime: ed.opened}
	d, err := ed.read(ctx, e.blob, 0, -1)
	if err != nil {
		return nil, info, err
	}
	l, head, err := snapshot.ReadLocations(d, snapshot.ManifestFollow)
	switch {
	case errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, snapshot.ErrFormat):
		d.Close()
		body, info := damagedEntry(e, err)
		return body, info, nil
	case err != nil:
		d.Close()
		return nil, info, err
	}
	ed.places.learn(l, false, ed.opts.Now().Sub(d.modified) < youngTime)
	ed.pass(e.prefix, l.Passed...)
	info.Size = d.total - head
	return &window{ReadCloser: d, left: info.Size}, info, nil
}

func versionOf(n uint64) store.Version { return store.Version(strconv.FormatUint(n, 10)) }

// damagedEntry is what there is of an entry that cannot be read: its version.
func damagedEntry(e edition, err error) (*window, store.Info) {
	return &window{ReadCloser: damaged{err}, left: 1}, store.Info{Size: 1, Version: versionOf(e.n)}
}

// damaged is the body of an entry that cannot be read.
type damaged struct{ err error }

func (d damaged) Read([]byte) (int, error) { return 0, d.err }
func (d damaged) Close() error             { return nil }
