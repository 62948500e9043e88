// Package lookup finds the manifest of a snapshot: it knows in which scopes and under which keys to
// look, in which order, and what it means when one is missing or damaged. Restore and save both ask
// it. Objects are asked for by exact name, all at once, so that a lookup costs one round trip.
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
	Trust *snapshot.Trust  // whose manifests count; nil: everybody's
	Now   func() time.Time // nil: time.Now
}

func (r Reader) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Candidate is one place where a manifest can be.
type Candidate struct {
	Scope  string   `json:"scope"`
	Key    []string `json:"key"`
	Exact  bool     `json:"exact"` // the key with the digest of the module files
	Object string   `json:"object"`
}

// Candidates lists where to look, best first: for each scope the exact key, then
// the latest one. Empty and repeated scopes count once.
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

// Found is what a candidate turned out to be.
type Found struct {
	Candidate
	Manifest *snapshot.Manifest // nil: a miss, or see Err
	// of the object, "" when there is none; also of one that cannot be read, so that it can be
	// replaced
	Version store.Version
	// why an existing object is no use: snapshot.ErrCorrupt, snapshot.ErrFormat or
	// snapshot.ErrUntrusted; or a failure of the store
	Err error
}

// Damaged reports whether there is an object that is no manifest we can read, or may.
func (f Found) Damaged() bool {
	return errors.Is(f.Err, snapshot.ErrCorrupt) || errors.Is(f.Err, snapshot.ErrFormat) || errors.Is(f.Err, snapshot.ErrUntrusted)
}

type opened struct {
	body io.ReadCloser
	info store.Info
	err  error
}

// First returns the first candidate, in their order, that holds a sound manifest of the repository,
// and what it passed over: damaged ones, and those that this job may not read, unless that is all
// of them. A miss is a Found without Manifest. The error is the store's. What the store hides
// (store.ErrHidden) is a miss if another candidate can be read; else nobody knows whether anything
// can. Only the body of the one that is returned is read, so memory does not grow with the number
// of candidates.
func (r Reader) First(ctx context.Context, cands []Candidate) (found Found, passed []Found, err error) {
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
			// a policy can grant some scopes, and a server without listing denies what is not there
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

// All reads every candidate, one after the other in memory but asked for at once. Manifests that
// one save wrote share their tables. The result has the candidates' order; the error is the first
// failure of the store.
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

// unreadTime is how long a lookup waits for answers that it does not need: long enough to keep the
// connections of nearly all.
const unreadTime = time.Second

// closeAll waits for the requests that nobody read, so that no goroutine and no connection outlives
// a lookup. One that hangs is cancelled.
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

// read reads a manifest. One that seems damaged is asked for once more: it may have been on its way
// that its bytes, or those of something else in its place, went wrong, and a save replaces what is
// damaged by what it has itself.
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
	m, err := r.decode(c, o, like)
	if err != nil {
		f.Err = store.Named("manifest", c.Object, err)
		return f
	}
	f.Manifest = m
	return f
}

func (r Reader) decode(c Candidate, o opened, like *snapshot.Manifest) (*snapshot.Manifest, error) {
	if o.info.Size > snapshot.MaxManifest {
		return nil, fmt.Errorf("%w: %d bytes", snapshot.ErrCorrupt, o.info.Size)
	}
	data := make([]byte, o.info.Size)
	switch _, err := io.ReadFull(o.body, data); {
	case err == nil:
	case errors.Is(err, store.ErrUnreachable):
		// the network ended it, at whatever byte: the manifest is not to blame
		return nil, err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: truncated", snapshot.ErrCorrupt)
	default:
		return nil, err
	}
	m, err := r.Trust.DecodeManifestLike(data, r.now(), like)
	if err != nil {
		return nil, err
	}
	return m, m.IsFor(r.Repo, c.Scope, c.Key)
}
