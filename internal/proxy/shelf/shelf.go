// Package shelf is what a module proxy keeps in a store: module objects, which are those of
// restores and saves, and small objects. It translates between them and what the protocol of module
// proxies serves.
//
// A module object becomes a zip only if its tree has the hash that the caller asks for.
package shelf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Shelf is one trust domain in a store: public modules, or the private ones of a repository and a
// scope. Safe for concurrent use.
type Shelf struct {
	Store       store.Store
	Private     bool
	Repo, Scope string // of private modules
}

func (s *Shelf) names() snapshot.ProxyPrefix {
	if s.Private {
		return snapshot.ScopedProxy(s.Repo, s.Scope)
	}
	return snapshot.SharedProxy()
}

// Object names the module object of a version.
func (s *Shelf) Object(v module.Version, sum string) (string, error) {
	if s.Private {
		return snapshot.ScopedModuleObject(s.Repo, s.Scope, v, sum)
	}
	return snapshot.ModuleObject(v, sum)
}

// A Name is that of a small object, or why there is none: nothing is stored under it then.
type Name struct {
	text string
	err  error
}

// Info names the .info of a version.
func (s *Shelf) Info(v module.Version) Name { return nameOf(s.names().Version(v, snapshot.KindInfo)) }

// Mod names the go.mod of a version.
func (s *Shelf) Mod(v module.Version) Name { return nameOf(s.names().Version(v, snapshot.KindMod)) }

// Sum names the hashes of a version.
func (s *Shelf) Sum(v module.Version) Name { return nameOf(s.names().Version(v, snapshot.KindSum)) }

// List names the list of versions.
func (s *Shelf) List(path string) Name { return nameOf(s.names().List(path)) }

// Latest names the .info of the latest version.
func (s *Shelf) Latest(path string) Name { return nameOf(s.names().Latest(path)) }

// Query names the .info of what a query means.
func (s *Shelf) Query(path, query string) Name { return nameOf(s.names().Query(path, query)) }

func nameOf(text string, err error) Name {
	if err == nil {
		err = store.CheckName(text)
	}
	return Name{text, err}
}

// maxSmall bounds small objects: a go.mod, or a list, with its header.
const maxSmall = 16<<20 + 1<<10

// Get reads a small object. What is damaged counts as not there: it is written anew.
func Get(ctx context.Context, s store.Store, n Name) ([]byte, error) {
	if n.err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrNotFound, n.err)
	}
	data, _, err := store.Get(ctx, s, n.text, maxSmall)
	if err != nil {
		return nil, err
	}
	content, err := snapshot.Unseal(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", store.ErrNotFound, n.text, err)
	}
	return content, nil
}

// Exists reports whether there is a small object.
func Exists(ctx context.Context, s store.Store, n Name) (bool, error) {
	if n.err != nil {
		return false, n.err
	}
	_, err := s.Stat(ctx, n.text)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Put writes a small object.
func Put(ctx context.Context, s store.Store, n Name, content []byte) error {
	_, err := put(ctx, s, n, content, store.Condition{})
	return err
}

func put(ctx context.Context, s store.Store, n Name, content []byte, cond store.Condition) (store.Info, error) {
	if n.err != nil {
		return store.Info{}, n.err
	}
	sealed := snapshot.Seal(content)
	return s.Put(ctx, n.text, bytes.NewReader(sealed), int64(len(sealed)), cond)
}

// DifferentError says that there is something else under a name already.
type DifferentError struct{ Was, Is []byte }

func (e *DifferentError) Error() string { return "it was something else when it was first seen" }

// PutFirst writes a small object unless there is one, which must be equal: else *DifferentError. Of
// several writers at once the first wins, and the others learn what it wrote.
func PutFirst(ctx context.Context, s store.Store, n Name, content []byte) error {
	if err := same(ctx, s, n, content); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, err := put(ctx, s, n, content, store.Condition{IfAbsent: true})
	switch {
	case errors.Is(err, store.ErrConflict):
		err = same(ctx, s, n, content)
		if errors.Is(err, store.ErrNotFound) { // damaged
			err = Put(ctx, s, n, content)
		}
		return err
	case errors.Is(err, store.ErrNoConditions):
		return Put(ctx, s, n, content)
	}
	return err
}

// same compares content with what is stored.
func same(ctx context.Context, s store.Store, n Name, content []byte) error {
	was, err := Get(ctx, s, n)
	if err == nil && !bytes.Equal(was, content) {
		return &DifferentError{Was: was, Is: content}
	}
	return err
}

// Sums are the hashes of a version, as in go.sum.
type Sums struct {
	Sum    string `json:"sum"`
	ModSum string `json:"modSum,omitempty"`
}

// Encode is the content of the small object.
func (s Sums) Encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // two strings
	}
	return data
}

// DecodeSums is the inverse of Encode.
func DecodeSums(data []byte) (s Sums, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("hashes of a version: %w", err)
	}
	return s, nil
}

// SumDB names an answer of a checksum database.
func SumDB(text string) Name { return nameOf(text, nil) }
