// Package lookup finds the manifest of a snapshot, for restore and save: it knows in which scopes
// and under which keys to look, in which order, and what a missing or damaged manifest means. It
// asks for all objects at once, by their exact names, so a lookup costs one round trip.
package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Reader reads manifests. Safe for concurrent use.
type Reader struct {
	Store store.Store
	Repo  string
	Trust *snapshot.Trust  // whose manifests are accepted; nil: everybody's
	Now   func() time.Time // nil: time.Now
}

func (r Reader) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Candidate is one object that may be the manifest.
type Candidate struct {
	Scope  string   `json:"scope"`
	Key    []string `json:"key"`
	Exact  bool     `json:"exact"` // the key with the digest of the module files
	Object string   `json:"object"`
}

// Candidates lists where to look, best first: for each scope the exact key, then the latest one.
// Empty and repeated scopes are left out.
func Candidates(repo string, scopes []string, exact, latest []string) []Candidate {
	var out []Candidate
	seen := map[string]bool{"": true}
	for _, s := range scopes {
		if seen[s] {
			continue
		}
		seen[s] = true
		out = append(out,
			Candidate{s, exact, true, snapshot.ManifestObject(repo, s, exact)},
			Candidate{s, latest, false, snapshot.ManifestObject(repo, s, latest)})
	}
	return out
}

// Found is a candidate with what was found there.
type Found struct {
	Candidate
	Manifest *snapshot.Manifest // nil: a miss, or see Err
	// Version is that of the object, even if it is damaged, so that it can be replaced; "": there
	// is no object.
	Version store.Version
	// Err says why an existing object cannot be used: snapshot.ErrCorrupt, snapshot.ErrFormat or
	// snapshot.ErrUntrusted; or it is a failure of the store.
	Err error
}

// Damaged reports whether there is an object, but not a manifest that this program can read and may
// trust.
func (f Found) Damaged() bool {
	return errors.Is(f.Err, snapshot.ErrCorrupt) || errors.Is(f.Err, snapshot.ErrFormat) || errors.Is(f.Err, snapshot.ErrUntrusted)
}

type opened struct {
	body io.ReadCloser
	info store.Info
	err  error
}

// First returns the first candidate, in their order, that has a sound manifest of the repository.
// In passed it returns the candidates before it that are damaged or denied. A miss is a Found
// without Manifest. The error is a failure of the store, or that all candidates are denied. A
// candidate that the store hides (store.ErrHidden) is a miss if another one can be read; otherwise
// it is the error, because nobody knows whether any could be read. Bodies are read one after the
// other, up to the manifest that is returned, so memory does not grow with the number of
// candidates.
func (r Reader) First(ctx context.Context, cands []Candidate) (found Found, passed []Found, err error) {
	if f, ok := r.Store.(store.Finder); ok {
		return r.find(ctx, f, cands)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	open := r.openAll(ctx, cands)
	defer closeAll(open, cancel)
	var denied, hidden error
	answered := len(cands) == 0
	for i, c := range cands {
		o := <-open[i]
		if o.body != nil {
			defer o.body.Close()
		}
		f := r.read(ctx, c, o, nil)
		switch {
		case errors.Is(f.Err, store.ErrHidden):
			hidden = cmp.Or(hidden, f.Err)
		case f.Manifest != nil:
			return f, passed, nil
		case f.Damaged():
			passed, answered = append(passed, f), true
		case errors.Is(f.Err, store.ErrDenied):
			// A policy can grant some scopes only, and without the right to list, a server denies
			// access to objects that do not exist.
			passed, denied = append(passed, f), f.Err
		case f.Err != nil:
			return Found{}, passed, f.Err
		default:
			answered = true
		}
	}
	if hidden != nil {
		return Found{}, passed, hidden
	}
	if !answered {
		return Found{}, nil, denied
	}
	return Found{}, passed, nil
}

// All asks for every candidate at once, and reads one after the other. Manifests that the same save
// wrote share their tables in memory. The result is in the order of the candidates; the error is
// the first failure of the store.
func (r Reader) All(ctx context.Context, cands []Candidate) ([]Found, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	open := r.openAll(ctx, cands)
	defer closeAll(open, cancel)
	out := make([]Found, len(cands))
	var like *snapshot.Manifest
	for i, c := range cands {
		o := <-open[i]
		out[i] = r.read(ctx, c, o, like)
		if out[i].Manifest != nil {
			like = out[i].Manifest
		}
		if o.body != nil {
			o.body.Close()
		}
		if out[i].Err != nil && !out[i].Damaged() {
			return nil, out[i].Err
		}
	}
	return out, nil
}

func (r Reader) openAll(ctx context.Context, cands []Candidate) []chan opened {
	chans := make([]chan opened, len(cands))
	for i, c := range cands {
		chans[i] = make(chan opened, 1)
		go func() {
			body, info, err := r.Store.Open(ctx, c.Object, 0, -1)
			chans[i] <- opened{body, info, err}
			close(chans[i])
		}()
	}
	return chans
}

// unreadTime is how long a lookup waits for answers that it does not need. It is long enough for
// nearly all of them, so that their connections can be reused.
const unreadTime = time.Second

// closeAll waits for the requests whose answers were not read, so that no goroutine and no
// connection outlives a lookup. After unreadTime it cancels them.
func closeAll(chans []chan opened, cancel func()) {
	defer time.AfterFunc(unreadTime, cancel).Stop()
	var wg sync.WaitGroup
	for _, c := range chans {
		wg.Go(func() {
			if o := <-c; o.body != nil {
				o.body.Close()
			}
		})
	}
	wg.Wait()
}

// read reads a manifest. If it seems damaged, read asks for it once more, because the bytes may
// have been damaged on the way, or may have come from something other than the store. A save would
// replace a damaged manifest by its own.
func (r Reader) read(ctx context.Context, c Candidate, o opened, like *snapshot.Manifest) Found {
	f := r.readOnce(c, o, like)
	if !errors.Is(f.Err, snapshot.ErrCorrupt) {
		return f
	}
	var again opened
	again.body, again.info, again.err = r.Store.Open(ctx, c.Object, 0, -1)
	if again.body != nil {
		defer again.body.Close()
	}
	return r.readOnce(c, again, like)
}

func (r Reader) readOnce(c Candidate, o opened, like *snapshot.Manifest) Found {
	f := Found{Candidate: c, Version: o.info.Version}
	if errors.Is(o.err, store.ErrNotFound) {
		return f
	}
	if o.err != nil {
		f.Err = store.Named("manifest", c.Object, o.err)
		return f
	}
	m, err := r.decode(o, like)
	if err == nil {
		f.Candidate = r.own(c, m)
		err = m.IsFor(r.Repo, f.Scope, f.Key)
	}
	if err != nil {
		f.Err = store.Named("manifest", c.Object, err)
		return f
	}
	f.Manifest = m
	return f
}

func (r Reader) decode(o opened, like *snapshot.Manifest) (*snapshot.Manifest, error) {
	if o.info.Size > snapshot.MaxManifest {
		return nil, fmt.Errorf("%w: %d bytes", snapshot.ErrCorrupt, o.info.Size)
	}
	data := make([]byte, o.info.Size)
	switch _, err := io.ReadFull(o.body, data); {
	case err == nil:
	case errors.Is(err, store.ErrUnreachable):
		// The network failed, which says nothing about the manifest.
		return nil, err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: truncated", snapshot.ErrCorrupt)
	default:
		return nil, err
	}
	return r.Trust.DecodeManifestLike(data, r.now(), like)
}
