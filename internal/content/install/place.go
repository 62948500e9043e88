package install

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/org/gocache-action/internal/osfile"
)

// A Place is a directory that a restore fills: the module cache, the build cache, or one of --path.
// They may lie on different disks, so that the failure of one says nothing about the others. Safe
// for concurrent use; mu guards all fields but name, which does not change.
type Place struct {
	name    string
	mu      sync.Mutex
	failing map[string]bool // directories or modules in which something could not be written
	err     error           // why the place was given up; nil: it was not
	first   error           // the first error of those in failing
	wrote   bool            // something was written, or was present before
}

// NewPlace returns a place. Its errors begin with name.
func NewPlace(name string) *Place { return &Place{name: name} }

// maxFailing is how many directories or modules of a place may fail before it is given up.
const maxFailing = 20

// Err returns why the place was given up, or nil.
func (p *Place) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// GiveUp ends the work on a place. Only the first reason is kept.
func (p *Place) GiveUp(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
}

// Works records that something was written.
func (p *Place) Works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote = true
}

// Result returns why the place failed, or nil: it was given up, or nothing at all could be written.
func (p *Place) Result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && p.first != nil && !p.wrote {
		return fmt.Errorf("%s: nothing can be written: %w", p.name, &LocalError{p.first})
	}
	return p.err
}

// Tolerated returns why some of the directories or modules of a place could not be written,
// although the place as a whole did not fail; nil: nothing is lost.
func (p *Place) Tolerated() error {
	failed := p.Result()
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed != nil || p.first == nil {
		return nil
	}
	return fmt.Errorf("%s: not all can be written: %w", p.name, p.first)
}

// fails records that something cannot be written in a directory, and reports whether this is the
// first time. If the disk is full or read-only, or more than maxFailing directories have failed, it
// returns the error that the place has to be given up for.
func (p *Place) fails(dir string, err error) (first bool, givenUp error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing == nil {
		p.failing = map[string]bool{}
	}
	first = !p.failing[dir]
	p.failing[dir] = true
	p.first = cmp.Or(p.first, err)
	if osfile.IsNoSpace(err) || osfile.IsReadOnly(err) || len(p.failing) > maxFailing {
		return first, &LocalError{err}
	}
	return first, nil
}

// Tolerate treats an error of the disk as one of a single directory, which the outcome names as
// what, once. It returns an error only if the place has to be given up; otherwise the caller counts
// what is lost.
func (p *Place) Tolerate(o *Outcome, dir, what string, err error) error {
	first, givenUp := p.fails(dir, err)
	if givenUp == nil && first {
		o.Name(what, systemError(err), KindDisk)
	}
	return givenUp
}

// systemError is what the system says of a file, without what was to be done with it: that stands
// beside it.
func systemError(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Error()
	case errors.As(err, &link):
		return link.Error()
	}
	return err.Error()
}

// Locked counts the files of a restore that other programs keep open. Safe for concurrent use.
type Locked struct{ n atomic.Int64 }

// maxLocked is how many locked files count as a failure of the disk. On Windows a directory that
// cannot be written to looks the same, and each file takes some time to give up on.
const maxLocked = 20

// Leave names a file that could not be put in place in the outcome. It returns an error if there
// are too many.
func (l *Locked) Leave(o *Outcome, what string, err error) error {
	o.Name(what, err.Error(), KindLocked)
	if n := l.n.Add(1); n > maxLocked {
		return &LocalError{fmt.Errorf("%d files cannot be written: %s: %w", n, what, err)}
	}
	return nil
}
