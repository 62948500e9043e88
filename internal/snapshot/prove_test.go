package snapshot

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/org/gocache-action/internal/zstdframe"
)

// TestProve: a frame that does not decode to its content is detected, whichever byte is wrong, and
// so is one that decodes to something else.
func TestProve(t *testing.T) {
	raw := bytes.Repeat([]byte("what a compiler writes "), 200)
	stored := encodeFrame(raw, nil)
	if err := prove(&proofs, stored, raw); err != nil {
		t.Fatal(err)
	}
	if err := prove(&proofs, encodeFrame(raw[1:], nil), raw); !errors.Is(err, ErrEncoder) {
		t.Errorf("another content: %v", err)
	}
	for i := frameHeaderSize; i < len(stored); i++ {
		bad := bytes.Clone(stored)
		bad[i] ^= 1
		if err := prove(&proofs, bad, raw); !errors.Is(err, ErrEncoder) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestProveSample: of large frames, the first and every eighth are proven; a wrong one does not
// spoil the buffer for those that follow.
func TestProveSample(t *testing.T) {
	var p zstdframe.Prover
	raw := bytes.Repeat([]byte("large "), zstdframe.ProvenAlways/6+1)
	right, wrong := encodeFrame(raw, nil), encodeFrame(raw[1:], nil)
	for i := range 3 * zstdframe.ProvenEach {
		err := prove(&p, wrong, raw)
		if proven := i%zstdframe.ProvenEach == 0; proven != errors.Is(err, ErrEncoder) {
			t.Errorf("large frame %d: %v", i, err)
		}
	}
	for i := range 2 * zstdframe.ProvenEach {
		if err := prove(&p, right, raw); err != nil {
			t.Errorf("large frame %d that is right: %v", i, err)
		}
	}
}

// TestFramesHaveChecksums: a decoder notices even without a manifest that the content is not what
// was encoded.
func TestFramesHaveChecksums(t *testing.T) {
	stored := encodeFrame(bytes.Repeat([]byte("x"), 1000), nil)
	stored[len(stored)-1] ^= 1 // in the checksum
	if _, err := DecodeFrame(stored, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a wrong checksum: %v", err)
	}
}

// programs returns bytes of a linked program, which is what most of a build cache consists of.
func programs(b *testing.B) []byte {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		b.Fatal(err)
	}
	return data[:min(len(data), FrameSize)]
}

// BenchmarkProve compares the cost of proving a frame with that of encoding it.
func BenchmarkProve(b *testing.B) {
	raw := programs(b)
	stored, buf := encodeFrame(raw, nil), []byte(nil)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			stored = encodeFrame(raw, stored[:0])
		}
	})
	b.Run("prove", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		var err error
		for b.Loop() {
			if buf, err = compareFrame(stored, raw, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}
