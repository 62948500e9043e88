package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// doing is how a step is done, and undone.
type doing struct {
	do   func(context.Context) error
	undo func() error // nil: there is nothing to undo
}

func (r *rebuilding) doings() map[Name]doing {
	return map[Name]doing{
		Backup: {do: r.backUp},
		// The go command finds an index by the directory of the module: that of a tree with other
		// files would hold for the new one.
		Indexes:  {do: func(ctx context.Context) error { return forgetIndexes(ctx, r.GOCACHE) }},
		Aside:    {do: r.setModulesAside, undo: func() error { return r.modules.undo() }},
		Download: {do: r.download},
		Verify:   {do: r.verify},
		Build:    {do: r.buildProject, undo: r.undoBuild},
		Compare:  {do: r.compare},
		Exchange: {do: r.exchange, undo: r.undoBuild},
		Keep:     {do: r.keep},
		Delete:   {do: r.deleteOld},
	}
}

// steps does what Plan says, and undoes what it has done if something goes wrong before the new
// caches are valid.
func (r *rebuilding) steps(ctx context.Context) (err error) {
	var undo []func() error
	defer func() {
		panicked := recover()
		if panicked == nil && err == nil {
			return
		}
		if undo != nil {
			r.res.Undone = true
		}
		var failed error
		if undo != nil {
			for _, p := range r.places() { // first of all, since what follows can be killed
				failed = errors.Join(failed, p.reopen())
			}
		}
		for _, f := range slices.Backward(undo) {
			failed = errors.Join(failed, f())
		}
		switch {
		case panicked != nil:
			panic(panicked)
		case failed != nil:
			err = errors.Join(err, failed)
		case undo != nil:
			err = &UndoneError{err}
		}
	}()
	doings := r.doings()
	for _, step := range Plan(r.Options) {
		if r.Began != nil {
			r.Began(step)
		}
		r.res.Steps = append(r.res.Steps, step.Name)
		d := doings[step.Name]
		if d.undo != nil {
			undo = append(undo, d.undo)
		}
		if err := r.step(ctx, step.Name, d.do); err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
		if step.Name == Keep { // what comes now loses nothing
			undo = nil
		}
	}
	return nil
}

func (r *rebuilding) step(ctx context.Context, name Name, do func(context.Context) error) error {
	if name != Delete { // it is done by then, whatever happens
		if err := context.Cause(ctx); err != nil {
			return err
		}
		for _, p := range r.places() {
			if err := p.note(name); err != nil {
				return err
			}
		}
	}
	if err := r.Interrupt(string(name)); err != nil {
		return err
	}
	return do(ctx)
}

func (r *rebuilding) setModulesAside(context.Context) error {
	units, err := r.moduleUnits()
	if err != nil {
		return err
	}
	r.res.Modules = &Sizes{}
	for _, unit := range units {
		r.res.Modules.Before += size(r.modules.path(unit))
	}
	if err := r.idle(); err != nil {
		return err
	}
	if err := r.modules.begin(journal{Began: r.Now, Step: Aside, Whole: r.All, Units: units}); err != nil {
		return err
	}
	return r.modules.setAside()
}

// verify has the go command compare the zips and trees with its own notes, and compares trees and
// go.mod files with go.sum itself.
func (r *rebuilding) verify(ctx context.Context) error {
	if _, err := r.command(ctx, nil, goEnv(r.GOFLAGS), "mod", "verify"); err != nil {
		return err
	}
	return verifySums(ctx, r.Options)
}

// keep makes the new caches valid, those that go.sum names and nobody downloaded included.
func (r *rebuilding) keep(ctx context.Context) error {
	if r.modules != nil && !r.All {
		if err := r.modules.returnUnused(ctx, r.Options); err != nil {
			return err
		}
	}
	for _, p := range r.places() {
		if err := p.finish(); err != nil {
			return err
		}
		if err := r.Interrupt("kept"); err != nil {
			return err
		}
	}
	return nil
}

// deleteOld deletes what was set aside. A failure is a warning: the next rebuild deletes it.
func (r *rebuilding) deleteOld(context.Context) error {
	for _, p := range r.places() {
		var left *LeftError
		if err := p.clear(); errors.As(err, &left) {
			r.warn("%v", left)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// backUp copies module files that git does not have.
func (r *rebuilding) backUp(context.Context) error {
	for _, file := range r.Unsaved {
		to, err := backUp(file, r.Backup)
		if err != nil {
			return err
		}
		r.res.Backups = append(r.res.Backups, to)
	}
	return nil
}

// An UndoneError is why a rebuild failed that was undone.
type UndoneError struct{ Err error }

func (e *UndoneError) Error() string { return e.Err.Error() + "\nthe caches are as they were" }
func (e *UndoneError) Unwrap() error { return e.Err }
