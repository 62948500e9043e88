package modules

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Tree is a stored module version, whether it is stored whole or as a delta, for who reads it file
// by file: first .info, .mod and .ziphash, as far as they are there, then its tree by the names of
// the files. The caller has to prove that the h1 hash is right, and must call Close.
type Tree struct {
	snapshot.Members
	// Objects are those that are read, with what the store says of them: one, or a delta and its
	// base.
	Objects []Object
	closers []func()
}

// Object is a stored object.
type Object struct {
	Name string
	store.Info
}

// OpenTree opens a version by the names of the objects that can have it, of which the first that
// exists is read: see Names. Beside an error, Objects says what was opened.
func OpenTree(ctx context.Context, st store.Store, objects []string, v module.Version) (t *Tree, err error) {
	t = new(Tree)
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	err = store.ErrNotFound
	var body io.ReadCloser
	for _, name := range objects {
		if body, err = t.open(ctx, st, name); !errors.Is(err, store.ErrNotFound) {
			break
		}
	}
	if err != nil {
		return t, err
	}
	own := t.Objects[0].Name
	if !snapshot.IsDelta(own) {
		t.Members = t.reader(body)
		return t, nil
	}
	d, err := snapshot.ReadDelta(body)
	if err != nil {
		return t, fmt.Errorf("%s: %w", own, err)
	}
	base, err := t.open(ctx, st, d.BaseObject(own))
	if err != nil {
		return t, &baseError{d.BaseObject(own), err}
	}
	files, err := snapshot.NewBaseFiles(t.reader(base), d, v)
	if err == nil {
		t.Members = snapshot.NewMerged(t.reader(body), files)
	}
	return t, err
}

// Names are the objects that can have the version of a whole object: that, or its delta.
func Names(whole string) []string { return wholeOrDelta([]string{whole}) }

func (t *Tree) open(ctx context.Context, st store.Store, name string) (io.ReadCloser, error) {
	body, info, err := st.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, func() { body.Close() })
	t.Objects = append(t.Objects, Object{name, info})
	if info.Size > snapshot.MaxModule {
		return nil, fmt.Errorf("%w: %s: object of %d bytes", snapshot.ErrCorrupt, name, info.Size)
	}
	return body, nil
}

func (t *Tree) reader(body io.Reader) *snapshot.Reader {
	rd := snapshot.NewReader(snapshot.StreamModule(body), nil, nil)
	t.closers = append(t.closers, rd.Close)
	return rd
}

// Close ends the transfers.
func (t *Tree) Close() {
	for _, c := range t.closers {
		c()
	}
	t.closers = nil
}
