package snapshot

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/org/gocache-action/internal/digest"
)

// Member is one file of a pack or of a module object.
type Member struct {
	Name string      // slash-separated, relative to GOCACHE or GOMODCACHE
	Mode fs.FileMode // permission bits
	Size int64       // bytes
}

// Location says where the first byte of a member lies: frame, and offset in the decoded frame. A
// member that is larger than what is left of its frame goes on in the following frames, from their
// first byte.
type Location struct {
	Frame int
	Off   int64
}

// Writer writes a module object, or the pack of a tree or a path: a tar archive, cut into frames so
// that each frame but those of a very large member holds whole members. The same members give
// the same bytes. After its first error a Writer stays broken. It buffers one frame (16 MiB), and
// while it encodes that, the compressed form.
type Writer struct {
	out   *frameWriter
	tw    *tar.Writer
	list  []FileHash // of a module; it ends the object if that is whole
	whole bool
	err   error
}

// NewWriter returns a Writer to dst. The caller must call Close.
func NewWriter(dst io.Writer) *Writer {
	w := &Writer{out: newFrameWriter(dst)}
	w.tw = tar.NewWriter((*frameSink)(w.out))
	return w
}

// NewModuleWriter returns a Writer that computes no hashes of stored bytes: nothing but the h1 hash
// identifies a module object. What that does not cover, the .info, the checksum in each frame
// protects against mistakes. Close returns no frames then, and Sum must not be called.
func NewModuleWriter(dst io.Writer) *Writer {
	w := NewWriter(dst)
	w.out.sum, w.whole = nil, true
	return w
}

// NewDeltaWriter is NewModuleWriter for a delta object. It gets only those files that are not taken
// from the base.
func NewDeltaWriter(dst io.Writer, d Delta) *Writer {
	w := NewModuleWriter(dst)
	w.whole = false
	w.err = w.out.skippable(d.Append(nil))
	return w
}

// List notes a file of a tree that was added. The list of all of them ends a whole module object.
func (w *Writer) List(f FileHash) { w.list = append(w.list, f) }

// frameSink receives the tar stream and cuts it when a frame is full.
type frameSink frameWriter

func (s *frameSink) Write(p []byte) (int, error) {
	w := (*frameWriter)(s)
	for n := 0; n < len(p); {
		n += w.fill(p[n:])
		if w.room() == 0 {
			if err := w.cut(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// Add writes one member whose bytes come from body, which must hold exactly m.Size of them.
func (w *Writer) Add(m Member, body io.Reader) (Location, error) {
	if w.err != nil {
		return Location{}, w.err
	}
	loc, err := w.add(m, body)
	if err != nil {
		w.err = fmt.Errorf("pack member %s: %w", m.Name, err)
	}
	return loc, w.err
}

func (w *Writer) add(m Member, body io.Reader) (Location, error) {
	if err := checkName(m.Name); err != nil {
		return Location{}, err
	}
	if err := w.tw.Flush(); err != nil {
		return Location{}, err
	}
	if need := int64(len(w.out.raw)) + headerSize(m.Name) + (m.Size+511)&^511; need > FrameSize {
		if err := w.out.cut(); err != nil {
			return Location{}, err
		}
	}
	// No times, no owners: the same files give the same bytes.
	h := &tar.Header{Typeflag: tar.TypeReg, Name: m.Name, Size: m.Size, Mode: int64(m.Mode.Perm()), ModTime: time.Unix(0, 0)}
	if err := w.tw.WriteHeader(h); err != nil {
		return Location{}, err
	}
	loc := Location{Frame: len(w.out.frames), Off: int64(len(w.out.raw))}
	n, err := io.Copy(w.tw, io.LimitReader(body, m.Size+1))
	if err == nil && n != m.Size {
		err = fmt.Errorf("%w: it has %d bytes, not %d", io.ErrUnexpectedEOF, n, m.Size)
	}
	return loc, err
}

var errClosed = errors.New("pack writer is closed")

// headerSize is what a header takes at most: a name of more than 100 bytes can need an extended one
// before it.
func headerSize(name string) int64 {
	if len(name) <= 100 {
		return 512
	}
	return 2*512 + (int64(len(name))+64+511)&^511
}

// Close ends the archive and returns its frames. It does not close the destination.
func (w *Writer) Close() ([]Frame, error) {
	if w.err == nil {
		if w.err = w.tw.Close(); w.err == nil {
			w.err = w.out.cut()
		}
		if w.err == nil && w.whole && len(w.list) > 0 {
			w.err = w.out.skippable(appendFileList(nil, w.list))
		}
	}
	w.out.release()
	if w.err != nil {
		return nil, w.err
	}
	w.err = errClosed
	return w.out.frames, nil
}

// Size is the number of bytes written to the destination so far.
func (w *Writer) Size() int64 { return w.out.size }

// Sum is the SHA-256 of the bytes written so far: after Close, the name of the pack.
func (w *Writer) Sum() digest.ID { return w.out.name() }
