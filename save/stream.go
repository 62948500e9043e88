package save

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// stream uploads a large object while it is being built, a toolchain or a linked program mostly. A
// pack is built twice, first for its name and size alone, which is cheaper than a copy on disk;
// only the second time counts as reading. A tree that turns out wrong at its end breaks the upload
// off.
//
// It has joined what it began when it returns, and no outcome stands beside an error: a pack that
// is not in the store is in no manifest.
func (u *uploader) stream(ctx context.Context, j collect.Job, cond store.Condition) (collect.Outcome, error) {
	object, size := j.Object, int64(-1)
	if object == "" {
		first, err := u.build(ctx, io.Discard, j, false)
		if err != nil || first.Object == "" {
			return collect.Outcome{}, err
		}
		object, size = first.Object, first.Size
	}
	pr, pw := io.Pipe()
	built := make(chan streamed, 1)
	go func() {
		var s streamed
		s.out, s.err = u.build(ctx, pw, j, true)
		if s.err == nil && s.out.Object != object {
			s.err = &collect.TornError{Err: fmt.Errorf("pack %s: its files changed while it was uploaded", object)}
		}
		pw.CloseWithError(s.err)
		built <- s
	}()
	err := u.put(ctx, object, pr, size, cond)
	// ends the goroutine if Put did not read to the end
	pr.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	s := <-built
	// Stores do not pass on what a body said, and what a disk said is not about the object.
	if s.err != nil && !errors.Is(s.err, io.ErrClosedPipe) {
		err = s.err
	}
	if err != nil {
		return collect.Outcome{}, err
	}
	return s.out, nil
}

// streamed is what building an object for an upload came to.
type streamed struct {
	out collect.Outcome
	err error
}

// progress counts the files of one attempt to build an object. It belongs to one goroutine.
type progress struct {
	meter        *report.Meter
	files, bytes int64
}

func (p *progress) file(bytes int64) { p.add(1, bytes) }

func (p *progress) part(bytes int64) { p.add(0, bytes) }

// undo takes back what an attempt has counted that is made again, or given up.
func (p *progress) undo() { p.add(-p.files, -p.bytes) }

func (p *progress) add(files, bytes int64) {
	p.files += files
	p.bytes += bytes
	p.meter.Files.Add(files)
	p.meter.Disk.Add(bytes)
}
