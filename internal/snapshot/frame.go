package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/zstdframe"
)

// ErrCorrupt is wrapped by every error that says stored bytes are not what they should be.
var ErrCorrupt = errors.New("corrupt")

// A frame is stored as a zstd skippable frame of four bytes that give the length of
// the zstd frame behind it. pzstd writes the same, and every zstd decoder
// skips it; a reader finds all frame boundaries without decoding.
const (
	frameHeaderSize = 12
	skippableMagic  = 0x184D2A50
)

// Frame describes one frame of a pack, in the order of the pack.
type Frame struct {
	Size int64    // stored bytes, the 12 bytes of its header included
	Raw  int64    // decoded bytes
	Sum  [32]byte // SHA-256 of the stored bytes
}

// What decodes and encodes frames has room for the largest.
const (
	_ = uint(zstdframe.MaxRaw - MaxFrameRaw)
	_ = uint(zstdframe.MaxStored - MaxFrameStored)
)

// frameRoom is how much longer than its content a stored frame can be.
const frameRoom = MaxFrameStored - MaxFrameRaw

// encodeFrame appends the stored form of raw to dst. It has a checksum of raw inside: the hash that
// a manifest keeps of the stored bytes would not tell of a mistake of the encoder.
func encodeFrame(raw, dst []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameHeaderSize)...)
	dst = zstdframe.Append(dst, raw)
	h := dst[start:]
	binary.LittleEndian.PutUint32(h, skippableMagic)
	binary.LittleEndian.PutUint32(h[4:], 4)
	binary.LittleEndian.PutUint32(h[8:], uint32(len(h)-frameHeaderSize))
	return dst
}

// storedSize is how long a frame is according to its header; ok says that it is one.
func storedSize(h []byte) (n int64, ok bool) {
	n = frameHeaderSize + int64(binary.LittleEndian.Uint32(h[8:]))
	return n, binary.LittleEndian.Uint32(h) == skippableMagic && binary.LittleEndian.Uint32(h[4:]) == 4 && n <= MaxFrameStored
}

// DecodeFrame decodes a stored frame into dst[:0]. Where that is too small, the result has memory
// of its own: just enough without a dst, and with one so much that the frames after it mostly fit.
// Safe for concurrent use.
func DecodeFrame(stored, dst []byte) ([]byte, error) {
	if len(stored) < frameHeaderSize {
		return nil, fmt.Errorf("%w: frame of %d bytes", ErrCorrupt, len(stored))
	}
	var h zstd.Header
	if err := h.Decode(stored[frameHeaderSize:]); err != nil || h.Skippable {
		return nil, fmt.Errorf("%w: no zstd frame", ErrCorrupt)
	}
	// Writers always record the size, so a frame without it is not ours; with it, memory is known
	// beforehand. Empty ones say nothing, and any number of them could be read for ever.
	if !h.HasFCS || h.FrameContentSize > MaxFrameRaw || h.FrameContentSize == 0 {
		return nil, fmt.Errorf("%w: frame of unknown, too large or no size", ErrCorrupt)
	}
	if uint64(cap(dst)) < h.FrameContentSize {
		dst = make([]byte, 0, room(int(h.FrameContentSize), dst != nil))
	}
	out, err := zstdframe.Decode(dst[:0], stored[frameHeaderSize:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if uint64(len(out)) != h.FrameContentSize {
		return nil, fmt.Errorf("%w: frame size", ErrCorrupt)
	}
	return out, nil
}

// smallFrame is the memory for frames that are not of a usual size: of small modules and trees.
const smallFrame = 128 << 10

// room is how much memory is made to decode a frame of size bytes. Memory that is used again grows
// once at most, to that of the largest frame: growing it from frame to frame made twice the
// garbage.
func room(size int, again bool) int {
	switch {
	case !again:
		return size
	case size <= smallFrame:
		return smallFrame
	}
	return max(size, FrameSize)
}

// Decode checks a stored frame against its description and decodes it into dst[:0].
// Nothing of a frame whose hash is wrong is ever decoded.
func (f Frame) Decode(stored, dst []byte) ([]byte, error) {
	if int64(len(stored)) != f.Size || sha256.Sum256(stored) != f.Sum {
		return nil, fmt.Errorf("%w: frame hash", ErrCorrupt)
	}
	raw, err := DecodeFrame(stored, dst)
	if err == nil && int64(len(raw)) != f.Raw {
		return nil, fmt.Errorf("%w: frame size", ErrCorrupt)
	}
	return raw, err
}
