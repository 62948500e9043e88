package snapshot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/zstdframe"
)

// ChunkProver compares the chunks of a pack with its list, while HashPack reads the pack. It takes
// the memory of two frames, and 36 bytes for each chunk. It belongs to one goroutine. A nil
// ChunkProver compares nothing.
type ChunkProver struct {
	list   []Chunk
	sum    [32]byte // of the stored frame of the list
	next   int      // in list
	frames int32    // so far
	stored *bytes.Buffer
	raw    []byte
	err    error // the first thing that is wrong
}

// NewChunkProver takes the stored frame with the list of chunks, which is the last of the pack and
// has to be read before the others. The error is ErrCorrupt if it is no such list. The caller must
// call Release.
func NewChunkProver(stored []byte) (*ChunkProver, error) {
	var h zstd.Header
	switch {
	case !isFrame(stored):
		return nil, fmt.Errorf("%w: list of chunks: no frame header", ErrCorrupt)
	case h.Decode(stored[frameHeaderSize:]) == nil && h.FrameContentSize > uint64(mostEntry*MaxPackChunks):
		return nil, fmt.Errorf("%w: list of chunks of %d bytes", ErrCorrupt, h.FrameContentSize)
	}
	raw, err := DecodeFrame(stored, nil)
	if err != nil {
		return nil, fmt.Errorf("list of chunks: %w", err)
	}
	list, err := parseList(raw, MaxPackChunks)
	if err != nil {
		return nil, fmt.Errorf("%w: list of chunks: %w", ErrCorrupt, err)
	}
	return &ChunkProver{
		list: list, sum: sha256.Sum256(stored), raw: zstdframe.Buffer(), stored: bytes.NewBuffer(zstdframe.Buffer()),
	}, nil
}

// Chunks is how many the list has; none without a prover.
func (p *ChunkProver) Chunks() int {
	if p == nil {
		return 0
	}
	return len(p.list)
}

// Release gives the buffers back. Nothing can be compared afterwards.
func (p *ChunkProver) Release() {
	if p == nil {
		return
	}
	zstdframe.Release(p.raw)
	zstdframe.Release(p.stored.Bytes())
	p.raw, p.stored = nil, nil
}

// sink is where the bytes of the frame have to be written that is read, beside another place.
func (p *ChunkProver) sink(w io.Writer) io.Writer {
	if p == nil {
		return w
	}
	p.stored.Reset()
	return io.MultiWriter(w, p.stored)
}

// frame compares the chunks of the frame that was read. Behind the last chunk, that is the list.
func (p *ChunkProver) frame(f Frame) {
	if p == nil {
		return
	}
	i := p.frames
	p.frames++
	if p.err != nil || p.next == len(p.list) {
		return
	}
	raw, err := DecodeFrame(p.stored.Bytes(), p.raw)
	if err != nil {
		p.err = fmt.Errorf("frame %d: %w", i, err)
		return
	}
	p.chunks(i, raw)
}

// chunks compares the chunks that a frame has according to the list.
func (p *ChunkProver) chunks(frame int32, raw []byte) {
	for ; p.next < len(p.list) && p.list[p.next].Frame == frame; p.next++ {
		c := p.list[p.next]
		if int(c.Off+c.Len) > len(raw) {
			p.err = fmt.Errorf("%w: chunk %d in its list lies behind the end of frame %d", ErrCorrupt, p.next, frame)
			return
		}
		if ChunkSumOf(sha256.Sum256(raw[c.Off:c.Off+c.Len])) != c.Sum {
			p.err = fmt.Errorf("%w: chunk %d has another hash than its list says", ErrCorrupt, p.next)
			return
		}
	}
}

// Err returns what is wrong with the chunks of a pack that HashPack has read to its end, or with
// its list: ErrCorrupt. frames are those of the pack.
func (p *ChunkProver) Err(frames []Frame) error {
	switch last := len(frames) - 1; {
	case p.err != nil:
		return p.err
	case last < 1 || frames[last].Sum != p.sum:
		return fmt.Errorf("%w: its list of chunks is not its last frame", ErrCorrupt)
	}
	pack := Pack{Chunks: len(p.list), Frames: frames}
	if err := pack.fits(p.list); err != nil {
		return fmt.Errorf("%w: list of chunks: %w", ErrCorrupt, err)
	}
	return nil
}

// isFrame reports whether bytes are one stored frame, as far as its header tells.
func isFrame(stored []byte) bool {
	if len(stored) < frameHeaderSize {
		return false
	}
	n, ok := storedSize(stored)
	return ok && n == int64(len(stored))
}
