// Package rebuild makes the module cache and the build cache of a project anew, as one step that
// either succeeds or leaves everything as it was.
//
// # Course
//
// What is to be made anew of the module cache is set aside by renames, downloaded again, and
// verified against go.sum. The project is then built offline into an empty build cache, which
// takes the place of the old one, or is added to it. Only then what was set aside is deleted.
// [Plan] lists the steps, and says of each how it is undone.
//
// # Undo
//
// A step that fails, a signal (the end of the context) and a panic undo the steps before, the last
// first. A process that is killed leaves a journal, which is written before the first rename and
// says all that is needed: [Undo], which the next rebuild calls first, brings the old caches back.
// Nothing is deleted before a journal says that the new caches are whole.
//
// # Layout
//
// All lies in the cache itself, in the directory .gocache-rebuild, so that nothing has to be moved
// to another file system, and a cache can be a mount point or a symbolic link:
//
//	journal.json   what is set aside, and whether the new cache is whole
//	old/           what was set aside, under the names that it had
//	new/           the build cache that is being filled
//	trash/         what a rebuild that failed had made, until it is deleted: there from the
//	               beginning, since the disk may be full by then
//
// The file .gocache-rebuild.lock beside it is locked (flock) as long as a rebuild runs. The go
// command looks at neither.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
)

// Options say what is rebuilt.
type Options struct {
	Dir              string // of the project
	ModDir, BuildDir string // "": left alone
	// GOCACHE is the build cache also where it is left alone: it has notes of modules; "": there is
	// none.
	GOCACHE string
	// All sets the whole directories aside. Otherwise the versions that go.sum names are, and the
	// build outputs of the project are added to those of others.
	All bool
	// NoBuild leaves out to build, and so the build cache stays empty, or as it is without All.
	NoBuild bool
	// Zip and Mod are the checksums of go.sum: of trees, and of go.mod files.
	Zip, Mod map[module.Version]string
	// Files are the module files that must not change, and Backup is the directory to which those
	// of Unsaved are copied.
	Files, Unsaved   []string
	Backup           string
	GOFLAGS, GODEBUG string // as "go env" tells them
	// Go runs a go command in dir, with more environment variables, and returns what it prints. Its
	// error contains the go command's own.
	Go func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error)
	// Busy describes the go commands that are running; nil: nobody looks.
	Busy func() ([]string, error)
	// Began is called before each step; it may be nil.
	Began func(Step)
	// Waits is called every 30 seconds while modules are downloaded, with those that are not here
	// yet: a go command says nothing and has no time limit, even if a proxy takes the request and
	// never answers. It runs in a goroutine of its own, and may be nil.
	Waits func(text string)
	Now   time.Time
	// Interrupt is for tests: it is called at many moments, and its error fails the step.
	Interrupt func(moment string) error
}

// ErrBusy means that go commands are running. Nothing was changed.
var ErrBusy = errors.New("go commands are running")

// Result is what a rebuild did. It is valid even if there is an error.
type Result struct {
	Steps   []Name `json:"steps"` // that were begun
	Modules *Sizes `json:"modules,omitempty"`
	Build   *Sizes `json:"build,omitempty"`
	// Differing lists what was wrong in the old module cache, and so why a rebuild helped.
	Differing []Difference `json:"differing,omitempty"`
	// Outputs compares the outputs of the project with what the old build cache had for the same
	// actions.
	Outputs *Outputs `json:"outputs,omitempty"`
	// Backups are copies of module files that git does not have.
	Backups []string `json:"backups,omitempty"`
	// Undone means that the old caches are back: the rebuild failed.
	Undone   bool     `json:"undone,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Sizes are bytes on disk of what a rebuild made anew.
type Sizes struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

// rebuilding is one rebuild. Only one goroutine uses it.
type rebuilding struct {
	Options
	modules, build *place // nil: left alone
	res            *Result
}

// Run rebuilds. After an error the caches are as they were, or the error says what could not be
// brought back and where it is.
func Run(ctx context.Context, o Options) (res *Result, err error) {
	r := &rebuilding{Options: o, res: &Result{}}
	if r.Interrupt == nil {
		r.Interrupt = func(string) error { return nil }
	}
	if err := r.idle(); err != nil {
		return r.res, err
	}
	if err := overlap(o); err != nil {
		return r.res, err
	}
	if err := r.open(); err != nil {
		return r.res, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return r.res, r.steps(ctx)
}

// idle returns ErrBusy if go commands are running.
func (r *rebuilding) idle() error {
	if r.Busy == nil {
		return nil
	}
	running, err := r.Busy()
	if err != nil {
		return fmt.Errorf("looking for go commands: %w", err)
	}
	if len(running) > 0 {
		return fmt.Errorf("%w: %s", ErrBusy, running[0])
	}
	return nil
}

// How long, and how often, a rebuild looks whether go commands have ended before it exchanges the
// build cache. Most take seconds, and all that was built would be lost.
const (
	idleWait  = time.Minute
	idleEvery = 200 * time.Millisecond
)

// idleSoon calls idle until go commands have ended.
func idleSoon(ctx context.Context, idle func() error) error {
	for begin := time.Now(); ; {
		err := idle()
		if !errors.Is(err, ErrBusy) || time.Since(begin) > idleWait {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(idleEvery):
		}
	}
}

// open takes the caches, and brings back what an earlier rebuild left behind.
func (r *rebuilding) open() (err error) {
	if r.modules, err = r.openOne("module cache", r.ModDir); err != nil {
		return err
	}
	if r.build, err = r.openOne("build cache", r.BuildDir); err != nil {
		return errors.Join(err, r.close())
	}
	return nil
}

func (r *rebuilding) openOne(what, dir string) (*place, error) {
	if dir == "" {
		return nil, nil
	}
	p, err := openPlace(dir)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, dir, err)
	}
	p.interrupt = r.Interrupt
	left, err := p.settle()
	if left != "" {
		r.warn("%s %s: %s", what, dir, left)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s: %w", what, dir, err), p.close())
	}
	return p, nil
}

// close lets go of the caches.
func (r *rebuilding) close() error {
	var errs []error
	for _, p := range r.places() {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

func (r *rebuilding) places() (list []*place) {
	for _, p := range []*place{r.modules, r.build} {
		if p != nil {
			list = append(list, p)
		}
	}
	return list
}

func (r *rebuilding) warn(format string, args ...any) {
	r.res.Warnings = append(r.res.Warnings, fmt.Sprintf(format, args...))
}

// Undo brings back what a killed rebuild has set aside in a cache directory, or deletes what one
// that was killed after its success had left to delete. It says what it did, "" for nothing.
func Undo(dir string) (did string, err error) {
	if left, err := Left(dir); left == "" && err == nil {
		return "", nil
	}
	p, err := openPlace(dir)
	if err != nil {
		return "", err
	}
	did, err = p.settle()
	return did, errors.Join(err, p.close())
}

// Left says what a rebuild has left behind in a cache directory, "" if there is nothing. It reads
// only.
func Left(dir string) (string, error) {
	j, err := readJournal(filepath.Join(dir, asideDir))
	switch {
	case err != nil:
		return "", err
	case j == nil:
		return "", nil
	case j.Done:
		return fmt.Sprintf("a rebuild of %s has left old files in %s", j.Began.Format(time.DateTime), filepath.Join(dir, asideDir)), nil
	}
	return fmt.Sprintf("a rebuild that began %s was interrupted or still runs: what it has set aside is in %s", j.Began.Format(time.DateTime), filepath.Join(dir, asideDir, oldDir)), nil
}
