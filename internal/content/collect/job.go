package collect

import (
	"context"
	"errors"
	"io"

	"github.com/org/gocache-action/internal/snapshot"
)

// GroupBytes is how many bytes of files go into one pack: about 11 MB compressed, so that packs are
// fetched in parallel and rewritten in small steps, and there are still few.
const GroupBytes = 48 << 20

// Job is an object that is to be made.
type Job struct {
	What string // for people, such as "a pack of build entries"
	// Object is the name of a module object. Packs have none before they are made.
	Object  string
	Private bool  // a module object that other repositories do not see
	Bytes   int64 // of its files
	Files   int
	Size    int64 // of the object, if nothing of it compresses
	// Write writes the files. It may be called several times, for a large pack or for files that
	// changed meanwhile, and writes the same if the files are the same.
	Write func(ctx context.Context, w *snapshot.Writer, note Note) (Content, error)
	// Bases are stored versions of the same module. Delta compares the files with those of some of
	// them, and says what to store beyond the best one; nil: it does not pay.
	Bases []snapshot.Base
	Delta func(ctx context.Context, bases []BaseFiles) (*Delta, error)
	// Head is what a delta object begins with; nil: it is none.
	Head *snapshot.Delta
	// Chunks is Write for a pack of chunks, which is small enough to be built in memory.
	Chunks func(ctx context.Context, w *snapshot.ChunkWriter, note Note) (Content, error)
}

// Note is how the functions of a Job tell what they do. All are safe for concurrent use.
type Note struct {
	Wrote func(bytes int64) // one file
	Read  func(bytes int64) // a part of a file that counts already
	Warn  Warn
}

// Warn takes a warning, formatted as by fmt.Sprintf.
type Warn func(format string, args ...any)

// Content is what Write has written. What could not be read is not in it.
type Content struct {
	Members int
	Raw     int64 // bytes of the members
	Of      any   // where they lie; for the Kind of the job
}

// BaseFiles is what a base has.
type BaseFiles struct {
	Base snapshot.Base
	List []snapshot.FileHash
}

// Delta is a module version as what it has beyond another one.
type Delta struct {
	Base  snapshot.Base
	Head  snapshot.Delta
	Bytes int64 // that are not in the base
	Write func(ctx context.Context, w *snapshot.Writer, note Note) (Content, error)
}

// Job returns the job that makes the delta object of a module instead of the whole one.
func (d *Delta) Job(whole Job) Job {
	j := whole
	j.Object, j.Size, j.Write, j.Head = snapshot.DeltaObject(whole.Object), d.Bytes, d.Write, &d.Head
	return j
}

// Outcome is what became of a Job. It belongs to whoever has it.
type Outcome struct {
	Content
	Object   string         // "": there is none, as nothing could be read
	Base     *snapshot.Base // of a module that is stored as a delta beside the name Object
	Pack     snapshot.Pack  // with Object, unless that is a module object
	Size     int64          // stored bytes
	Uploaded bool           // by this save; false: the store had it
	Failed   bool           // left out, for a reason that was told
}

// Stored lists the objects in which a module is stored: one, or the delta and its base.
func (o *Outcome) Stored() []string {
	if o.Base == nil {
		return []string{o.Object}
	}
	return []string{snapshot.DeltaObject(o.Object), o.Base.Object}
}

// UnfitError says that what is here is not what its hash says, or cannot be read. It costs what it
// is about and nothing else.
type UnfitError struct{ Err error }

func (e *UnfitError) Error() string { return e.Err.Error() }
func (e *UnfitError) Unwrap() error { return e.Err }

// IsUnfit reports whether an error is an UnfitError.
func IsUnfit(err error) bool {
	var e *UnfitError
	return errors.As(err, &e)
}

// TornError says that a file which was whole a moment ago could not be read again while it was
// packed. Nothing can be taken out of a pack, so the pack has to be built anew; then the file is
// found out, and left out.
type TornError struct{ Err error }

func (e *TornError) Error() string { return e.Err.Error() }
func (e *TornError) Unwrap() error { return e.Err }

// AddTorn adds a file to a pack, and tells its failures from those of the pack by the file alone:
// what goes wrong with an upload can be an unexpected EOF as well.
func AddTorn(w *snapshot.Writer, m snapshot.Member, in io.Reader) (snapshot.Location, error) {
	src := &SourceReader{R: in}
	loc, err := w.Add(m, src)
	if err != nil && (src.Failed || src.ended && src.n < m.Size) {
		err = &TornError{err}
	}
	return loc, err
}

// SourceReader remembers that reading failed, to tell it from a failed upload.
type SourceReader struct {
	R      io.Reader
	Failed bool
	n      int64 // bytes so far
	ended  bool
}

func (s *SourceReader) Read(p []byte) (int, error) {
	n, err := s.R.Read(p)
	s.n += int64(n)
	s.ended = s.ended || err == io.EOF
	s.Failed = s.Failed || err != nil && err != io.EOF
	return n, err
}
