package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// maxPassed is how many versions a save passes over that are reserved and do not come.
const maxPassed = 3

// errLatest: the newest entry is the latest one, and nobody can say that another is.
var errLatest = fmt.Errorf("%w: the latest manifest cannot be written, it is the newest", store.ErrUnsupported)

// replace writes the next version of an object, with a table of where objects lie.
func (ed *editions) replace(ctx context.Context, name string, c content, cond store.Condition, objects []string) (store.Info, error) {
	if err := ed.writable(); err != nil {
		return store.Info{}, err
	}
	if isLatest(name) {
		return store.Info{}, errLatest
	}
	locations := fit(ed.places.locate(objects))
	prefix := entryPrefix(name)
	n, err := ed.next(ctx, prefix, cond)
	if err != nil {
		return store.Info{}, err
	}
	to, n, err := ed.reserveFrom(ctx, prefix, n, cond == store.Condition{})
	if err != nil {
		return store.Info{}, err
	}
	locations.Passed = ed.passedBefore(prefix, n)
	head, err := locations.Encode(snapshot.ManifestFollow)
	if err != nil {
		return store.Info{}, err
	}
	if err := ed.fill(ctx, numbered(prefix, n), to, joined(head, c)); err != nil {
		return store.Info{}, err
	}
	ed.noteEdition(edition{prefix, n, ed.places.blob(numbered(prefix, n))})
	return store.Info{Size: c.size, Version: versionOf(n), ModTime: ed.opened}, nil
}

// fit leaves out of a table the bundles for which there is no room. What lies in them is stored
// again by the next save that has it.
func fit(l *snapshot.Locations) *snapshot.Locations {
	if len(l.Bundles) <= snapshot.MaxBundles {
		return l
	}
	out := &snapshot.Locations{Bundles: l.Bundles[:snapshot.MaxBundles]}
	for _, x := range l.Objects {
		if x.Bundle < snapshot.MaxBundles {
			out.Objects = append(out.Objects, x)
		}
	}
	return out
}

// next returns the number that the next version of an object has, if the condition holds as far as
// is known.
func (ed *editions) next(ctx context.Context, prefix string, cond store.Condition) (uint64, error) {
	e, ok := ed.known(prefix)
	if !ok {
		var err error
		if _, e, err = ed.find(ctx, []string{prefix}); err != nil && !isMiss(err) {
			return 0, err
		}
	}
	switch {
	case cond.IfAbsent && e.n > 0, cond.IfMatch != "" && string(cond.IfMatch) != strconv.FormatUint(e.n, 10):
		return 0, store.ErrConflict
	}
	ed.mu.Lock()
	defer ed.mu.Unlock()
	if list := ed.passed[prefix]; len(list) > 0 {
		e.n = max(e.n, list[len(list)-1])
	}
	return e.n + 1, nil
}

// reserveFrom reserves version n of an object, and returns the URL for it. If n is taken, it waits
// until the version can be seen that took it: then it is a conflict, unless the object is to be
// replaced in any case. A reservation that does not become an entry is passed over.
func (ed *editions) reserveFrom(ctx context.Context, prefix string, n uint64, always bool) (to string, number uint64, err error) {
	for passed := 0; ; {
		key := numbered(prefix, n)
		to, err := ed.service.create(ctx, key)
		if err == nil {
			return to, n, nil
		}
		if !errors.Is(err, errTaken) {
			return "", 0, err
		}
		e, shown, err := ed.await(ctx, prefix, n, ed.patienceFor(err, passed))
		switch {
		case err != nil:
			return "", 0, err
		case shown && !always:
			return "", 0, store.ErrConflict
		case shown:
			n = e.n + 1
		case passed == maxPassed:
			return "", 0, fmt.Errorf("%w: up to %s all keys are reserved, and none of the entries comes", store.ErrUnreachable, key)
		default:
			ed.pass(prefix, n)
			n++
			passed++
		}
	}
}

// patienceFor is how long to wait for a version that is taken. The next one may have been reserved
// a moment ago, by another save that has passed over the same, so that is waited for just as long.
// One that this very save may have reserved, by a request whose answer was lost, is not worth much.
func (r *remote) patienceFor(taken error, passed int) time.Duration {
	switch {
	case errors.Is(taken, errTakenAgain):
		return r.opts.Patience / 8
	case passed > 1:
		return r.opts.Patience / 2
	}
	return r.opts.Patience
}

// await waits until a version of an object can be seen that is n or a later one.
func (ed *editions) await(ctx context.Context, prefix string, n uint64, patience time.Duration) (e edition, shown bool, err error) {
	shown, err = ed.poll(ctx, patience, func() (bool, error) {
		if e, shown = ed.known(prefix); shown && e.n >= n {
			return true, nil
		}
		m, ok, err := ed.service.lookup(ctx, numbered(prefix, n), prefix)
		if err != nil || !ok {
			return false, err
		}
		e, ok, err = ed.saw(ctx, m)
		return ok && e.n >= n, err
	})
	if !shown {
		return edition{}, false, err
	}
	return e, true, nil
}

// nextPause is what lies between further lookups for something that will come: a repository has
// 1500 of them in a minute.
func nextPause(pause, patience time.Duration) time.Duration {
	return min(2*pause, max(patience/5, time.Millisecond), 3*time.Second)
}

// fill uploads the content of a reserved key and makes an entry of it.
func (r *remote) fill(ctx context.Context, key, to string, c content) error {
	if err := r.blobs.put(ctx, to, c); err != nil {
		return err
	}
	return r.finish(ctx, key, c.size)
}

// finish makes an entry of what was uploaded. Where the answer is lost, or a repeated request is
// refused because the first one did it, the entry itself tells.
func (r *remote) finish(ctx context.Context, key string, size int64) error {
	err := r.service.finalize(ctx, key, size)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrDenied) {
		return err
	}
	if _, ok, err2 := r.appears(ctx, key, r.opts.Patience/4); ok && err2 == nil {
		return nil
	}
	if errors.Is(err, errTaken) {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	return err
}

// joined is a head and what follows it, without a copy.
func joined(head []byte, c content) content {
	return content{&joinedAt{head, c}, int64(len(head)) + c.size}
}

type joinedAt struct {
	head []byte
	tail content
}

// ReadAt implements io.ReaderAt.
func (j *joinedAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(j.head)) {
		n = copy(p, j.head[off:])
		if n == len(p) {
			return n, nil
		}
		off += int64(n)
	}
	in := io.NewSectionReader(j.tail.at, 0, j.tail.size)
	m, err := in.ReadAt(p[n:], off-int64(len(j.head)))
	return n + m, err
}
