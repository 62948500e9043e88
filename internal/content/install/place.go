package install

import (
	"cmp"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/org/gocache-action/internal/osfile"
)

// A Place is something that a restore fills: the module cache, the build cache, a directory beside
// them. A disk that fails in one of them says nothing about the others. Safe for concurrent use; mu
// guards all fields but name.
type Place struct {
	name    string
	mu      sync.Mutex
	failing map[string]bool // directories, or modules, in which something could not be written
	err     error           // why nothing more is written here; nil: it is
	first   error           // of those in failing
	wrote   bool            // something, or there was something already
}

// NewPlace returns a place. Its errors begin with name.
func NewPlace(name string) *Place { return &Place{name: name} }

// maxFailing is how many directories or modules of a place may fail before the place has failed.
const maxFailing = 20

// Err returns why nothing more is written, or nil.
func (p *Place) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// GiveUp ends the work on a place. The first reason counts.
func (p *Place) GiveUp(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
}

// Works notes that something was written.
func (p *Place) Works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote = true
}

// Result is the reason why the place failed: it was given up, or all that was tried in it failed.
func (p *Place) Result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && p.first != nil && !p.wrote {
		return fmt.Errorf("%s: nothing can be written: %w", p.name, &LocalError{p.first})
	}
	return p.err
}

// fails notes that something cannot be written in a directory, and returns whether this is the
// first time. A full or read-only disk, and more than maxFailing directories, are errors that the
// place is given up for.
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

// Tolerate takes an error of the disk for one of a directory of the place, which is named as what
// in the outcome, once. It returns an error only if the place is to be given up; otherwise the
// caller counts what is lost.
func (p *Place) Tolerate(o *Outcome, dir, what string, err error) error {
	first, givenUp := p.fails(dir, err)
	if givenUp == nil && first {
		o.Name(what, err.Error(), KindDisk)
	}
	return givenUp
}

// Locked counts the files of a restore that other programs have open. Safe for concurrent use.
type Locked struct{ n atomic.Int64 }

// maxLocked is how many files may be locked until that counts as a failure of the disk: a directory
// that nobody may write to looks the same on Windows, and each file is waited for.
const maxLocked = 20

// Leave names in the outcome what could not be put in place, and returns an error when that is so
// of too many.
func (l *Locked) Leave(o *Outcome, what string, err error) error {
	o.Name(what, err.Error(), KindLocked)
	if n := l.n.Add(1); n > maxLocked {
		return &LocalError{fmt.Errorf("%d files cannot be written: %s: %w", n, what, err)}
	}
	return nil
}
