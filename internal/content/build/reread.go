package build

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/snapshot"
)

// chunkReader reads chunks of outputs that were found before, and proves them. It belongs to one
// goroutine.
type chunkReader struct {
	local  Local
	tagger tagger
	index  int32 // of the open output; -1: none
	f      *os.File
	err    error // of opening it
	buf    [chunk.Max]byte
}

func (l Local) newChunkReader(t *tags) *chunkReader {
	return &chunkReader{local: l, tagger: tagger{tags: t}, index: -1}
}

// read reads a chunk and proves it. Beside an error it returns some bytes of the same length, and
// their hash.
func (r *chunkReader) read(x freshChunk, e *chunkEntry) (sum snapshot.ChunkSum, data []byte, err error) {
	data = r.buf[:e.at.size()]
	if x.index != r.index {
		r.close()
		r.index = x.index
		r.f, r.err = r.local.cache.OpenOutput(r.local.inv.Outputs[x.index])
	}
	if err = r.err; err == nil {
		_, err = r.f.ReadAt(data, x.off)
		err = readError(err)
	}
	if err != nil {
		clear(data)
	} else if r.tagger.is(x.chunk, data) {
		return e.sum, data, nil
	}
	sum = snapshot.ChunkSumOf(sha256.Sum256(data))
	if err == nil && sum != e.sum {
		err = fmt.Errorf("chunk at %d: %w", x.off, errBadOutput)
	}
	return sum, data, err
}

func (r *chunkReader) close() {
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
}

// whyNotAgain says what an error of chunkReader.read means for an output that was right before.
func whyNotAgain(err error) string {
	if errors.Is(err, errBadOutput) || errors.Is(err, fs.ErrNotExist) {
		return "it changed meanwhile: " + err.Error()
	}
	return "it cannot be read again: " + err.Error()
}
