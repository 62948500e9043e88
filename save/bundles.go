package save

import (
	"context"
	"errors"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// store uploads the objects of a plan. A store that keeps objects in bundles is told before what
// comes and what stays, and after it that nothing more comes.
func (u *uploader) store(ctx context.Context, jobs []collect.Job, stays *snapshot.Manifest) ([]collect.Outcome, error) {
	b, ok := u.Store.(store.Bundler)
	if !ok {
		return u.upload(ctx, jobs)
	}
	if len(jobs) == 0 {
		return nil, nil
	}
	elsewhere, err := b.Begin(ctx, expected(jobs), collect.Objects(stays))
	if err != nil {
		return nil, err
	}
	now, later := split(jobs, elsewhere)
	done, err := u.upload(ctx, now)
	if err == nil && len(later) > 0 {
		var more []collect.Outcome
		more, err = u.storeLater(ctx, b, later)
		done = append(done, more...)
	}
	if err != nil {
		return done, err
	}
	return done, b.Commit(ctx)
}

// storeLater stores what another save was storing when this one began, as far as it has not come.
func (u *uploader) storeLater(ctx context.Context, b store.Bundler, jobs []collect.Job) ([]collect.Outcome, error) {
	u.Meter.SetPhase("wait for another save")
	if err := b.Await(ctx); err != nil {
		return nil, err
	}
	return u.upload(ctx, jobs)
}

func expected(jobs []collect.Job) []store.Expected {
	list := make([]store.Expected, len(jobs))
	for i, j := range jobs {
		list[i] = store.Expected{Name: j.Object, Bytes: j.Bytes}
	}
	return list
}

// split separates jobs by the object that they make.
func split(jobs []collect.Job, elsewhere map[string]bool) (now, later []collect.Job) {
	for _, j := range jobs {
		if elsewhere[j.Object] {
			later = append(later, j)
		} else {
			now = append(now, j)
		}
	}
	return now, later
}

// bundler is a store, if it is one that keeps objects in bundles, else nil.
func bundler(s store.Store) store.Bundler {
	b, _ := s.(store.Bundler)
	return b
}

// leavesAlone reports whether a job that failed saves nothing: where the newest snapshot is the
// latest one, others with other module files would start from what it has made. It does save what
// has every build entry of that and more. Modules do not matter: those others have their own.
func (j job) leavesAlone(latest, m *snapshot.Manifest) bool {
	return bundler(j.Store) != nil && j.leaves(latest, m) && !hasActionsOf(m, latest)
}

// isNotice reports whether an error of store.Writable is nothing that anybody has to mend: GitHub
// gives jobs that strangers can start a token that only reads.
func isNotice(s store.Store, err error) bool {
	_, ok := s.(store.Bundler)
	return ok && errors.Is(err, store.ErrReadOnly)
}

// dearPause is how many times longer to wait after a conflict where each attempt is dear: of 20
// jobs that save at once, one at a time succeeds, and a repository has 200 attempts in a minute.
const dearPause = 8

// pauses says how long to wait after a conflict.
func pauses(s store.Store) func(try int) time.Duration {
	if bundler(s) == nil {
		return store.ConflictPause
	}
	return func(try int) time.Duration { return dearPause * store.ConflictPause(try) }
}
