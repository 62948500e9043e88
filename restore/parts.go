package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/osfile"
)

// A part is one of the places that a restore fills: the module cache, the build cache, a directory
// of Options.Paths. A disk that fails in one of them says nothing about the others.
type part struct {
	name    string
	mu      sync.Mutex
	failing map[string]bool // directories, or modules, in which something could not be written
	err     error           // why nothing more is written here; nil: it is
	first   error           // of those in failing
	wrote   bool            // something, or there was something already
}

// maxFailing is how many directories or modules of a part may fail before it is the part that
// fails.
const maxFailing = 20

// givenUp returns why nothing more is written, or nil.
func (p *part) givenUp() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// giveUp ends the work on a part. The first reason counts.
func (p *part) giveUp(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
}

// fails notes that something cannot be written in a directory, and returns whether this is the
// first time. A full or read-only disk, and more than maxFailing directories, are errors that the
// part is given up for.
func (p *part) fails(dir string, err error) (first bool, givenUp error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing == nil {
		p.failing = map[string]bool{}
	}
	first = !p.failing[dir]
	p.failing[dir] = true
	p.first = cmp.Or(p.first, err)
	if osfile.IsNoSpace(err) || osfile.IsReadOnly(err) || len(p.failing) > maxFailing {
		return first, local(err)
	}
	return first, nil
}

// works notes that something was written.
func (p *part) works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote = true
}

// result is the reason why the part failed: it was given up, or what was tried failed, all of it.
func (p *part) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && p.first != nil && !p.wrote {
		return fmt.Errorf("%s: nothing can be written: %w", p.name, local(p.first))
	}
	return p.err
}

// tolerate notes an error of the local disk as one of a directory of a part, and returns it only if
// the part is to be given up. lost counts what it costs.
func (r *run) tolerate(p *part, dir, what string, err error, lost func()) error {
	first, givenUp := p.fails(dir, err)
	if givenUp != nil {
		return givenUp
	}
	lost()
	if first {
		r.tally.add(func() { r.tally.losses = append(r.tally.losses, Loss{What: what, Reason: err.Error(), Kind: kindDisk}) })
	}
	return nil
}

// kindDisk is the kind of a loss for which the disk of this machine is to blame, in one place. As
// with kindLocked, the stored object is whole.
const kindDisk = "disk"

// within makes a job one of a part: it is not begun once the part is given up, and a failure of the
// disk ends the part, not the restore.
func within(p *part, run func(context.Context, func()) error) func(context.Context, func()) error {
	return func(ctx context.Context, fetched func()) error {
		if p.givenUp() != nil {
			return nil
		}
		err := run(ctx, fetched)
		if isLocal(err) {
			p.giveUp(err)
			return nil
		}
		return err
	}
}

// failedParts joins the reasons of the parts that were given up.
func (r *run) failedParts() error {
	if r.tally.modules.Present > 0 {
		r.modPart.works()
	}
	if r.tally.build.Present > 0 {
		r.buildPart.works()
	}
	errs := []error{r.modPart.result(), r.buildPart.result()}
	for _, name := range slices.Sorted(maps.Keys(r.pathParts)) {
		errs = append(errs, r.pathParts[name].result())
	}
	return errors.Join(errs...)
}

// pathPart returns the part of a directory beside the caches.
func (r *run) pathPart(name string) *part {
	if r.pathParts[name] == nil {
		if r.pathParts == nil {
			r.pathParts = map[string]*part{}
		}
		r.pathParts[name] = &part{name: "path " + name}
	}
	return r.pathParts[name]
}

// warnUnread says which directories of a cache could not be read: what lies there counts as
// missing.
func (r *run) warnUnread(cache string, unread []error) {
	const shown = 3
	for i, err := range unread {
		if i == shown {
			r.tally.warn("and %d more directories of the %s", len(unread)-i, cache)
			return
		}
		r.tally.warn("%s: what lies there is not known: %v", cache, err)
	}
}
