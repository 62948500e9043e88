// Package zstdenc writes zstd frames (RFC 8878) for data that lies in memory as a whole.
//
// The encoders of github.com/klauspost/compress, which decodes what this package writes and whose
// Huffman coder it uses, forget what lies more than about a megabyte back, however large their
// window: at their default level the hash tables hold that much. Caches of Go code repeat
// themselves at larger distances, as packages that import the same ones do, and versions of one
// module. So there is one more table here, of a sample of the positions, that reaches back over the
// whole frame for hardly any time (see match.go). Longer matches are fewer, and a decoder's time
// goes by their number. BenchmarkAppend measures speed and ratio.
//
// Limits:
//   - a frame has at most MaxSize bytes of content, and its window is the content;
//   - no dictionaries are written.
package zstdenc

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// MaxSize is the most content of a frame, in bytes.
const MaxSize = 16 << 20 // what an entry of the matcher's tables can name

// blockSize is the most content of a block (RFC 8878, section 3.1.1.2.4).
const blockSize = 128 << 10

// Encoder writes frames one after the other. The zero value is ready. It holds 0.9 MiB of tables
// and up to about half a MiB of buffers, whatever the size of a frame, and is not safe for
// concurrent use.
type Encoder struct {
	matcher matcher
	block   block
}

// Append appends a frame with the content src, and a checksum of it that every decoder compares, to
// dst. The same src gives the same bytes, whatever was encoded before. It panics when src is longer
// than MaxSize.
func (e *Encoder) Append(dst, src []byte) []byte {
	if len(src) > MaxSize {
		panic("zstdenc: too much content for a frame")
	}
	dst = e.appendBlocks(appendFrameHeader(dst, len(src)), src)
	return binary.LittleEndian.AppendUint32(dst, uint32(xxhash.Sum64(src)))
}

func (e *Encoder) appendBlocks(dst, src []byte) []byte {
	if len(src) == 0 {
		return appendBlockHeader(dst, blockRaw, 0, true)
	}
	e.matcher.reset(src)
	e.block.reset()
	for start := 0; start < len(src); start += blockSize {
		end := min(start+blockSize, len(src))
		before := e.matcher.recent
		e.matcher.parse(&e.block, start, end)
		var seen bool
		if dst, seen = e.block.append(dst, src[start:end], end == len(src)); !seen {
			e.matcher.recent = before
		}
	}
	return dst
}

const magic = 0xFD2FB528

// appendFrameHeader writes a header of a single segment, with a checksum after it: the window is
// the content, whose size is given.
func appendFrameHeader(dst []byte, size int) []byte {
	const singleSegment, checksum = 1 << 5, 1 << 2
	const flags = singleSegment | checksum
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	switch {
	case size < 256:
		return append(dst, flags, byte(size))
	case size < 65536+256:
		return binary.LittleEndian.AppendUint16(append(dst, 1<<6|flags), uint16(size-256))
	}
	return binary.LittleEndian.AppendUint32(append(dst, 2<<6|flags), uint32(size))
}

// Block types.
const (
	blockRaw = iota
	blockRLE
	blockCompressed
)

func appendBlockHeader(dst []byte, kind, size int, last bool) []byte {
	h := uint32(kind)<<1 | uint32(size)<<3
	if last {
		h |= 1
	}
	return append(dst, byte(h), byte(h>>8), byte(h>>16))
}

// putBlockHeader is appendBlockHeader into the three bytes at p.
func putBlockHeader(p []byte, kind, size int, last bool) { appendBlockHeader(p[:0], kind, size, last) }
