package save

import (
	"context"
	"errors"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

func versionOf(m snapshot.Module) module.Version {
	return module.Version{Path: m.Path, Version: m.Version}
}

// maxDenied is how many modules the store may refuse before the others are not even compressed any
// more.
const maxDenied = 5

// module makes sure that the store has a module. One that is not fit to be stored, or that the
// store refuses, is left out.
func (u *uploader) module(ctx context.Context, j collect.Job) (collect.Outcome, error) {
	out, err := u.ensureModule(ctx, j)
	unfit := collect.IsUnfit(err)
	if !unfit && !errors.Is(err, store.ErrDenied) {
		return out, err
	}
	// Many may read the shared modules and few may write them; the job's own packs are not
	// concerned.
	switch {
	case unfit:
		u.skips.Add("module", j.What, err)
	case u.denied.Add(1) <= maxDenied:
		u.log.warn("%s is not saved: %v", j.What, err)
	}
	return collect.Outcome{Object: j.Object, Failed: true}, nil
}

// warnDenied tells how many modules were refused beyond those that were named.
func (u *uploader) warnDenied() {
	if more := u.denied.Load() - maxDenied; more > 0 {
		u.log.warn("%d more modules are not saved: the store refused the first %d", more, maxDenied)
	}
}

// ensureModule asks before it uploads: another repository of the bucket may have stored the module
// long ago.
func (u *uploader) ensureModule(ctx context.Context, j collect.Job) (collect.Outcome, error) {
	cond := store.Condition{IfAbsent: true}
	if u.stock.IsGone(j.Object) {
		cond = store.Condition{} // the restore of this job found that the stored bytes are wrong
	} else if info, err := u.Store.Stat(ctx, j.Object); err == nil && u.notes.relyOn(ctx, j.Object, info) {
		return found(j, info), nil
	} else if err == nil {
		cond = store.Condition{} // it may be removed at any moment
	} else if !errors.Is(err, store.ErrNotFound) {
		return collect.Outcome{}, store.Named("object", j.Object, err)
	}
	mayBuild := false
	if cond.IfAbsent && u.deltas() && !u.notes.noted(snapshot.DeltaObject(j.Object)) {
		out, usable, there, err := u.findDelta(ctx, j)
		if usable || err != nil {
			return out, err
		}
		mayBuild = !there
	}
	if u.denied.Load() >= maxDenied && !j.Private {
		return collect.Outcome{}, store.ErrDenied
	}
	if mayBuild {
		if out, done, err := u.putDelta(ctx, j); done || err != nil {
			return out, err
		}
	}
	return u.putModule(ctx, j, cond)
}

// putModule stores a module. If another job stores the same bytes first, they count as found.
func (u *uploader) putModule(ctx context.Context, j collect.Job, cond store.Condition) (collect.Outcome, error) {
	out, err := u.object(ctx, j, cond)
	if errors.Is(err, store.ErrNoConditions) { // the bytes are the same whoever writes them
		out, err = u.object(ctx, j, store.Condition{})
	}
	if errors.Is(err, store.ErrConflict) { // another job has just stored the same bytes
		info, err := u.Store.Stat(ctx, j.Object)
		if err == nil {
			return found(j, info), nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return collect.Outcome{}, err
		}
		return u.object(ctx, j, store.Condition{}) // and it was removed since
	}
	return out, err
}

// found is the outcome where the store has the object.
func found(j collect.Job, info store.Info) collect.Outcome {
	return collect.Outcome{Object: j.Object, Size: info.Size}
}
