package snapshot

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Reader unpacks a pack or a module object while it arrives. It holds one decoded frame, and needs
// a stored one only while it decodes it.
type Reader struct {
	tr     *tar.Reader
	src    Source
	frames []Frame // checks each frame when not nil
	next   int
	raw    []byte
	left   []byte // of raw
	pos    int64  // in the archive
	header int    // bytes that may still be read before the next member; negative: no bound
	pool   Buffers
	idle   func() // waits until nobody uses the decoded frame
}

// Buffers lends the memory of decoded frames, to bound it over many readers.
// Get may block.
type Buffers interface {
	Get() []byte
	Put([]byte)
}

// NewReader returns a Reader of src. When frames is not nil, every frame must
// have the recorded hash, and src must hold exactly these frames.
// pool may be nil. The caller must call Close.
func NewReader(src Source, frames []Frame, pool Buffers) *Reader {
	r := &Reader{src: src, frames: frames, pool: pool, header: -1}
	r.tr = tar.NewReader((*frameSource)(r))
	return r
}

// frameSource is the tar stream, decoded frame by frame.
type frameSource Reader

func (s *frameSource) Read(p []byte) (int, error) {
	r := (*Reader)(s)
	for len(r.left) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.left)
	if r.header >= 0 {
		if r.header -= n; r.header < 0 {
			r.header = 0
			return 0, fmt.Errorf("%w: more than %d bytes of headers before a member", ErrCorrupt, maxHeaders)
		}
	}
	r.skip(n)
	return n, nil
}

// Seek lets the tar reader pass over content without copying it. It goes forwards only, from the
// current place, and stops at the end.
func (s *frameSource) Seek(n int64, whence int) (int64, error) {
	r := (*Reader)(s)
	if whence != io.SeekCurrent || n < 0 {
		return r.pos, errors.ErrUnsupported
	}
	for n > 0 {
		if len(r.left) == 0 {
			if err := r.fill(); err == io.EOF {
				break
			} else if err != nil {
				return r.pos, err
			}
		}
		k := int(min(n, int64(len(r.left))))
		r.skip(k)
		n -= int64(k)
	}
	return r.pos, nil
}

func (r *Reader) skip(n int) {
	r.left = r.left[n:]
	r.pos += int64(n)
}

// fill decodes the next frame. The memory of the decoded one goes back before the wait for the
// network, so that slow transfers do not hold what others could use.
func (r *Reader) fill() (err error) {
	r.release()
	stored, err := r.src.NextFrame()
	if err != nil {
		if err == io.EOF && r.frames != nil && r.next != len(r.frames) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	defer r.src.Release()
	if r.pool != nil {
		r.raw = r.pool.Get()
	}
	var raw []byte
	switch {
	case r.frames == nil:
		raw, err = DecodeFrame(stored, r.raw)
	case r.next >= len(r.frames):
		err = fmt.Errorf("%w: more frames than recorded", ErrCorrupt)
	default:
		raw, err = r.frames[r.next].Decode(stored, r.raw)
	}
	if err != nil {
		return err
	}
	r.next++
	r.raw, r.left = raw, raw
	return nil
}

func (r *Reader) release() {
	if r.idle != nil {
		r.idle()
	}
	if r.pool != nil && r.raw != nil {
		r.pool.Put(r.raw)
		r.raw = nil
	}
}

// Bytes returns the content of the member that Next has just returned without a copy, if it lies in
// one frame. It must not be used after the next call of another method, unless WaitIdle is set.
func (r *Reader) Bytes(m Member) ([]byte, bool) {
	if m.Size > int64(len(r.left)) {
		return nil, false
	}
	return r.left[:m.Size:m.Size], true
}

// WaitIdle sets a function that is called before the memory behind Bytes is used again. It returns
// when nobody needs it any more, so that the content of several members can be worked on at once.
func (r *Reader) WaitIdle(wait func()) { r.idle = wait }

// Close gives the memory back. It does not close the source.
func (r *Reader) Close() { r.release() }

// maxHeaders bounds what belongs to one member beside its content: a header, and one for its name
// where that is long. Package tar takes any number of extended headers of a megabyte each, and
// lists of holes in sparse files.
const maxHeaders = 16 << 10

// Next advances to the next member and returns it; io.EOF after the last one. Anything but a
// regular file with a safe name is ErrCorrupt, and so is data behind the end of the archive.
func (r *Reader) Next() (Member, error) {
	r.header = maxHeaders
	h, err := r.tr.Next()
	r.header = -1
	if err == io.EOF {
		return Member{}, r.end()
	}
	if err != nil {
		return Member{}, wrapTar(err)
	}
	if h.Typeflag != tar.TypeReg || isSparse(h) {
		return Member{}, fmt.Errorf("%w: member %.300q is not a regular file", ErrCorrupt, h.Name)
	}
	if err := checkName(h.Name); err != nil {
		return Member{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return Member{Name: h.Name, Mode: fs.FileMode(h.Mode).Perm(), Size: h.Size}, nil
}

// isSparse tells of a file whose size need not come with bytes: a few of them could claim to fill
// any disk.
func isSparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// end reads behind the end of the archive: an object that was cut there
// or that carries more is not the one that was written.
func (r *Reader) end() error {
	n, err := io.Copy(io.Discard, io.LimitReader((*frameSource)(r), 1))
	if err != nil {
		return err
	}
	if n != 0 {
		return fmt.Errorf("%w: data behind the archive", ErrCorrupt)
	}
	return io.EOF
}

// Read reads from the current member.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.tr.Read(p)
	if err != nil && err != io.EOF {
		err = wrapTar(err)
	}
	return n, err
}

// wrapTar marks what archive/tar itself refuses as corruption, and leaves errors of the source as
// they are.
func wrapTar(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) || errors.Is(err, tar.ErrInsecurePath) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
