package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/digest"
)

// ChunkSum is what a chunk is known by: the first part of the SHA-256 of its bytes. To find two
// chunks that have the same takes 2^96 attempts.
type ChunkSum [24]byte

// ChunkSumOf is the ChunkSum of a chunk with this SHA-256.
func ChunkSumOf(sha256 digest.ID) ChunkSum { return ChunkSum(sha256[:len(ChunkSum{})]) }

// Chunk says where a chunk lies in its pack.
type Chunk struct {
	Sum   ChunkSum
	Frame int32
	Off   int32 // in the decoded frame
	Len   int32 // bytes, 1 to chunk.Max
}

// Spot is where the next chunk of a pack goes. Chunks fill a pack in order, without gaps, and none
// crosses the end of a frame, so that who plans a pack knows all places in advance. The zero value
// is the beginning of a pack.
type Spot struct{ frame, off int32 }

// Place returns where a chunk of n bytes goes, and moves behind it.
func (s *Spot) Place(n int) (frame, off int32) {
	if int(s.off)+n > FrameSize {
		s.frame++
		s.off = 0
	}
	frame, off = s.frame, s.off
	s.off += int32(n)
	return frame, off
}

// ChunkWriter writes a pack of chunks, followed by a frame that lists them. The same chunks in the
// same order give the same bytes. After its first error it stays broken. It buffers one frame (16
// MiB), while it encodes that, the compressed form, and 27 bytes for each chunk.
type ChunkWriter struct {
	out   *frameWriter
	spot  Spot
	list  []byte // content of the last frame
	count int
	raw   int64
	err   error
}

// NewChunkWriter returns a ChunkWriter to dst. The caller must call Close.
func NewChunkWriter(dst io.Writer) *ChunkWriter { return &ChunkWriter{out: newFrameWriter(dst)} }

// Add writes a chunk, which must have 1 to chunk.Max bytes, where Spot.Place says. The caller
// vouches for its sum.
func (w *ChunkWriter) Add(sum ChunkSum, data []byte) error {
	switch {
	case w.err != nil:
		return w.err
	case len(data) < 1 || len(data) > chunk.Max:
		w.err = fmt.Errorf("chunk %x of %d bytes", sum, len(data))
	case w.count == MaxPackChunks:
		w.err = fmt.Errorf("pack with more than %d chunks", MaxPackChunks)
	default:
		w.err = w.add(sum, data)
	}
	return w.err
}

func (w *ChunkWriter) add(sum ChunkSum, data []byte) error {
	if frame, _ := w.spot.Place(len(data)); int(frame) > len(w.out.frames) {
		if err := w.out.cut(); err != nil {
			return err
		}
	}
	w.out.fill(data)
	w.list = append(w.list, sum[:]...)
	w.list = binary.AppendUvarint(w.list, uint64(len(data)))
	w.count++
	w.raw += int64(len(data))
	return nil
}

// Close writes the list of chunks and returns what the pack is, without its name. It does not close
// the destination. A pack without a chunk has no bytes.
func (w *ChunkWriter) Close() (Pack, error) {
	defer w.out.release()
	if w.err == nil && w.count > 0 {
		if w.err = w.out.cut(); w.err == nil {
			w.out.fill(w.list)
			w.err = w.out.cut()
		}
	}
	if w.err != nil {
		return Pack{}, w.err
	}
	w.err = errClosed
	return Pack{Size: w.out.size, Raw: w.raw, Chunks: w.count, Frames: w.out.frames}, nil
}

// Sum is the SHA-256 of the bytes written so far: after Close, the name of the pack.
func (w *ChunkWriter) Sum() digest.ID { return w.out.name() }

// List returns the frame that lists the chunks of a pack of outputs, and where it begins in the
// object.
func (p *Pack) List() (f Frame, off int64) {
	f = p.Frames[len(p.Frames)-1]
	return f, p.Size - f.Size
}

// Bytes of an entry in a list of chunks: its sum, and its length as a varint.
const (
	leastEntry = len(ChunkSum{}) + 1
	mostEntry  = len(ChunkSum{}) + 3
)

// ReadList reads the list of chunks of the pack: read returns n stored bytes of it from an offset
// on. Of a pack that passed DecodeManifest, it takes at most ListBytes for each chunk while it
// decodes, and returns 36. A list that takes more, is damaged, or whose chunks do not fill the
// frames, is ErrCorrupt. Nothing proves the sums in it.
func (p *Pack) ReadList(read func(off, n int64) ([]byte, error)) ([]Chunk, error) {
	f, off := p.List()
	if most := int64(mostEntry) * int64(p.Chunks); f.Raw > most || f.Size > most+frameRoom {
		return nil, fmt.Errorf("%w: list of chunks of %s: %d bytes for %d chunks", ErrCorrupt, p.Object, f.Raw, p.Chunks)
	}
	stored, err := read(off, f.Size)
	if err != nil {
		return nil, err
	}
	raw, err := f.Decode(stored, nil)
	if err != nil {
		return nil, fmt.Errorf("list of chunks of %s: %w", p.Object, err)
	}
	return p.DecodeList(raw)
}

// ListBytes is the memory that ReadList takes for each chunk: the list stored, decoded, and as
// Chunks. MaxList is that of the longest list, decoded and as Chunks.
const (
	ListBytes = 2*mostEntry + 36
	MaxList   = (mostEntry + 36) * MaxPackChunks
)

// DecodeList reads the decoded list of chunks of the pack, see ReadList.
func (p *Pack) DecodeList(raw []byte) ([]Chunk, error) {
	list, err := parseList(raw, p.Chunks)
	if err == nil {
		err = p.fits(list)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: list of chunks of %s: %w", ErrCorrupt, p.Object, err)
	}
	return list, nil
}

// parseList reads a decoded list of at most some chunks, which begins with the first of a pack.
func parseList(raw []byte, most int) ([]Chunk, error) {
	list := make([]Chunk, 0, min(most, len(raw)/leastEntry))
	var spot Spot
	for len(raw) > 0 {
		c := Chunk{}
		n := copy(c.Sum[:], raw)
		size, k := binary.Uvarint(raw[n:])
		if n < len(c.Sum) || k <= 0 || size < 1 || size > chunk.Max || len(list) == most {
			return nil, fmt.Errorf("entry %d", len(list))
		}
		raw = raw[n+k:]
		c.Len = int32(size)
		c.Frame, c.Off = spot.Place(int(size))
		list = append(list, c)
	}
	return list, nil
}

// fits reports an error unless the chunks fill the frames of the pack.
func (p *Pack) fits(list []Chunk) error {
	if len(list) != p.Chunks {
		return fmt.Errorf("%d of %d chunks", len(list), p.Chunks)
	}
	content := p.Content()
	filled := make([]int64, len(content))
	for _, c := range list {
		if int(c.Frame) >= len(content) {
			return fmt.Errorf("chunk in frame %d of %d", c.Frame, len(content))
		}
		filled[c.Frame] += int64(c.Len)
	}
	for i, f := range content {
		if filled[i] != f.Raw {
			return fmt.Errorf("%d of %d bytes of frame %d", filled[i], f.Raw, i)
		}
	}
	return nil
}
