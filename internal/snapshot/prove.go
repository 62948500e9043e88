package snapshot

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/org/gocache-action/internal/zstdframe"
)

// ErrEncoder says that what was encoded does not decode to what it was made of.
var ErrEncoder = errors.New("the encoder made a mistake")

// proofs are those of the process.
var proofs zstdframe.Prover

// prove decodes a frame that was just encoded, if it is its turn, and compares. What an encoder
// gets wrong would have the right hash in the manifest.
func prove(p *zstdframe.Prover, stored, raw []byte) error {
	return p.Prove(len(raw), func(buf []byte) ([]byte, error) { return compareFrame(stored, raw, buf) })
}

// compareFrame reports an error unless stored decodes to raw. It returns the buffer to use next.
func compareFrame(stored, raw, buf []byte) ([]byte, error) {
	got, err := DecodeFrame(stored, buf)
	if err == nil && bytes.Equal(got, raw) {
		return got, nil
	}
	return buf, fmt.Errorf("frame of %d bytes: %w: %v", len(raw), ErrEncoder, err)
}
