package actions

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// where returns where an object lies. For a module that no snapshot has named, it asks the index of
// the modules of all jobs.
func (r *reader) where(ctx context.Context, name string) (place, error) {
	if err := r.readable(); err != nil {
		return place{}, err
	}
	h := snapshot.HashName(name)
	at, ok := r.places.find(h)
	if !ok && snapshot.IsShared(name) {
		if err := r.loadIndex(ctx); err != nil {
			return place{}, err
		}
		at, ok = r.places.find(h)
	}
	if !ok {
		return place{}, store.ErrNotFound
	}
	return at, nil
}

// object returns where an object lies, if its bundle is still there.
func (r *reader) object(ctx context.Context, name string) (place, store.Info, error) {
	for {
		at, err := r.where(ctx, name)
		if err != nil {
			return place{}, store.Info{}, err
		}
		_, err = r.urlOf(ctx, at.blob, "")
		if err == nil {
			return at, r.infoOf(at), nil
		}
		// Another bundle may have it as well.
		if next, ok := r.places.find(snapshot.HashName(name)); !isMiss(err) || !ok || next == at {
			return place{}, store.Info{}, err
		}
	}
}

// infoOf describes an object. When it was written is not known, and nobody removes it for its age.
func (r *reader) infoOf(at place) store.Info {
	return store.Info{Size: at.len, Version: store.Version(at.blob.key + " " + strconv.FormatInt(at.off, 10)), ModTime: r.opened}
}

// openObject opens a range of an object in a bundle.
func (r *reader) openObject(ctx context.Context, name string, off, length int64) (*window, store.Info, error) {
	at, info, err := r.object(ctx, name)
	if err != nil {
		return nil, info, err
	}
	from, n, short, err := clip(off, length, at.len)
	if err != nil {
		return nil, info, err
	}
	w := &window{ReadCloser: nothing{}, left: n, short: short}
	if n == 0 {
		return w, info, nil
	}
	d, err := r.read(ctx, at.blob, at.off+from, n)
	if err != nil {
		return nil, info, err
	}
	w.ReadCloser = d
	return w, info, nil
}

// putObject uploads an object into a bundle of the save.
func (s *sessions) putObject(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := s.writable(); err != nil {
		return store.Info{}, err
	}
	if cond != (store.Condition{}) {
		at, ok := s.places.find(snapshot.HashName(name))
		if cond.IfAbsent && ok || cond.IfMatch != "" && (!ok || s.infoOf(at).Version != cond.IfMatch) {
			return store.Info{}, store.ErrConflict
		}
	}
	m := s.current().bundleFor(name)
	n, err := m.put(ctx, name, body, size)
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: n, Version: store.Version(fmt.Sprintf("of %s", m.name())), ModTime: s.opened}, nil
}
