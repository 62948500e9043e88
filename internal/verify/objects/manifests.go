package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// readManifests verifies all manifests, and collects what they say.
func (r *run) readManifests(ctx context.Context) error {
	memory := semaphore.NewWeighted(manifestMemory)
	return r.each(ctx, snapshot.ReposRoot, func(ctx context.Context, e store.Entry) error {
		if kindOf(e.Name) != snapshot.KindManifest {
			return nil
		}
		// docs/format.md says what reading one takes at most.
		need := min(1<<20+20*e.Size, manifestMemory)
		if err := memory.Acquire(ctx, need); err != nil {
			return store.Ended(ctx)
		}
		defer memory.Release(need)
		return r.manifest(ctx, e)
	})
}

// manifest verifies one manifest. What one says that is not trusted counts as well: others may
// trust it.
func (r *run) manifest(ctx context.Context, e store.Entry) error {
	data, info, err := r.get(ctx, e.Name, snapshot.MaxManifest)
	switch {
	case errors.Is(err, store.ErrNotFound): // removed meanwhile
		return nil
	case err != nil && (ctx.Err() != nil || ends(err)):
		return store.Named("manifest", e.Name, err)
	case errors.Is(err, store.ErrDenied):
		r.count(snapshot.KindManifest, e, false)
		return r.unread(snapshot.KindManifest, e.Name, err)
	}
	r.readable()
	e.Info = info
	r.count(snapshot.KindManifest, e, false)
	if err != nil {
		r.fault(Fault{Kind: snapshot.KindManifest, Name: e.Name, Status: finding.Fail, Evidence: err.Error()})
		return nil
	}
	m, err := snapshot.DecodeManifest(data)
	switch {
	case errors.Is(err, snapshot.ErrFormat):
		r.fault(Fault{Kind: snapshot.KindManifest, Name: e.Name, Status: finding.Warn, Evidence: err.Error()})
		return nil
	case err == nil && m.Place() != e.Name:
		err = fmt.Errorf("%w: it belongs under %s", snapshot.ErrCorrupt, m.Place())
	}
	if err != nil {
		r.fault(Fault{Kind: snapshot.KindManifest, Name: e.Name, Status: finding.Fail, Evidence: err.Error()})
		return nil
	}
	r.claim(e.Name, m)
	if r.Trust == nil {
		return nil
	}
	trust := snapshot.Trust{Keys: r.Trust.Keys}
	if _, err := trust.DecodeManifestLike(data, time.Now(), m); err != nil {
		r.fault(Fault{Kind: snapshot.KindManifest, Name: e.Name, Status: finding.Fail, Evidence: err.Error()})
	}
	return nil
}

// get reads an object into memory. One that was replaced meanwhile is read again.
func (r *run) get(ctx context.Context, name string, limit int64) (data []byte, info store.Info, err error) {
	for range 3 {
		data, info, err = store.Get(ctx, r.Store, name, limit)
		if !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	r.Meter.Bytes.Add(int64(len(data)))
	return data, info, err
}

// claim collects what a manifest says of packs and modules.
func (r *run) claim(name string, m *snapshot.Manifest) {
	var wrong []string
	r.mu.Lock()
	index := int32(len(r.claims.manifests))
	r.claims.manifests = append(r.claims.manifests, name)
	add := func(object string, size int64, content contentID, list int64) {
		r.claims.add(claim{gcnotes.FingerprintOf(object), size, content, index, int32(list)})
	}
	for _, p := range m.Packs {
		add(p.Object, p.Size, framesID(p.Frames, p.Chunks), listSize(&p))
	}
	for _, mod := range m.Modules {
		base := ""
		if mod.Base != nil {
			base = mod.Base.Object
			add(base, mod.Base.Size, treeID(mod.Base.Files, mod.Base.Bytes, ""), 0)
		}
		add(mod.Object, mod.Size, treeID(mod.Files, mod.Bytes, base), 0)
		if v, sum, ok := snapshot.ModuleOf(mod.Object); !ok || v != (module.Version{Path: mod.Path, Version: mod.Version}) || sum != mod.Sum {
			wrong = append(wrong, fmt.Sprintf("the object of %s@%s is %s, which is another version, or has another hash than %s", mod.Path, mod.Version, mod.Object, mod.Sum))
		}
	}
	r.mu.Unlock()
	for _, text := range wrong {
		r.fault(Fault{Kind: snapshot.KindManifest, Name: name, Status: finding.Fail, Evidence: text})
	}
}
