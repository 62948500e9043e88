package snapshot

import (
	"bytes"
	"testing"
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
