package snapshot

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/org/gocache-action/internal/zstdframe"
)

// TestDecodeFrameMemory: memory that is used for frame after frame is made twice at most, and for
// small frames it is small.
func TestDecodeFrameMemory(t *testing.T) {
	buf := []byte{}
	for _, c := range []struct{ size, room int }{
		{1, smallFrame}, {smallFrame, smallFrame}, {100, smallFrame}, {smallFrame + 1, FrameSize}, {FrameSize, FrameSize}, {5, FrameSize},
	} {
		stored := encodeFrame(bytes.Repeat([]byte{'x'}, c.size), nil)
		got, err := DecodeFrame(stored, buf)
		if err != nil || len(got) != c.size || cap(got) != c.room {
			t.Fatalf("%d bytes: %d of %d, %v", c.size, len(got), cap(got), err)
		}
		buf = got
		if once, err := DecodeFrame(stored, nil); err != nil || cap(once) != c.size {
			t.Errorf("%d bytes: %d of %d, %v", c.size, len(once), cap(once), err)
		}
	}
}

// TestStoredFrameFits: what does not compress fits into a buffer, too. If it had to move, there
// would be a third buffer for a while, and a larger one ever after.
func TestStoredFrameFits(t *testing.T) {
	raw := make([]byte, FrameSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(raw)
	buf := zstdframe.Buffer()
	defer zstdframe.Release(buf)
	stored := encodeFrame(raw, buf)
	if len(stored) <= len(raw) || len(stored) > MaxFrameStored || &stored[0] != &buf[:1][0] {
		t.Errorf("%d bytes in a buffer of %d, now of %d", len(stored), cap(buf), cap(stored))
	}
}

// TestMovedBuffer: a buffer of another size is not lent to anybody.
func TestMovedBuffer(t *testing.T) {
	for range 100 {
		zstdframe.Release(make([]byte, 5, 10))
		if b := zstdframe.Buffer(); len(b) != 0 || cap(b) != zstdframe.MaxStored {
			t.Fatalf("%d bytes in a buffer of %d", len(b), cap(b))
		}
	}
}

// TestWriterBuffers: a writer gives no buffer back twice: what two writers hold at the same time is
// not the same.
func TestWriterBuffers(t *testing.T) {
	first := newFrameWriter(io.Discard)
	first.fill([]byte("x"))
	if err := first.cut(); err != nil {
		t.Fatal(err)
	}
	first.release()
	first.release()
	seen := map[*byte]bool{}
	for range 4 {
		w := newFrameWriter(io.Discard)
		defer w.release()
		if p := &w.raw[:1][0]; seen[p] {
			t.Error("two writers have the same buffer")
		} else {
			seen[p] = true
		}
	}
}

// TestClosedWriters: a writer that was closed has given its buffer back, whatever happened before.
func TestClosedWriters(t *testing.T) {
	for _, fails := range []bool{false, true} {
		chunks, files := NewChunkWriter(io.Discard), NewWriter(io.Discard)
		if fails {
			chunks.err, files.err = io.ErrClosedPipe, io.ErrClosedPipe
		}
		_ = chunks.Add(ChunkSum{}, []byte("x"))
		_, err1 := chunks.Close()
		_, err2 := files.Close()
		if chunks.out.raw != nil || files.out.raw != nil || (err1 != nil) != fails || (err2 != nil) != fails {
			t.Errorf("%v, %v: a buffer is held", err1, err2)
		}
	}
}
