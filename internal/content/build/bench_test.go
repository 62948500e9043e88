package build

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/zstdenc"
)

// BenchmarkDecode decodes a frame of Go machine code and tables, taken from this program, as a
// restore does: without and with the SHA-256 that --verify outputs computes.
func BenchmarkDecode(b *testing.B) {
	raw := program(b)
	enc := new(zstdenc.Encoder)
	stored := frameOf(enc.Append(nil, raw))
	for _, c := range []struct {
		name string
		hash bool
	}{{"checksum", false}, {"sha256", true}} {
		b.Run(c.name, func(b *testing.B) {
			f := snapshot.Frame{Size: int64(len(stored)), Raw: int64(len(raw)), Sum: sha256.Sum256(stored)}
			buf := make([]byte, snapshot.FrameSize)
			clear(buf) // make the system allocate the pages now
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				out, err := f.Decode(stored, buf[:0])
				if err != nil || len(out) != len(raw) {
					b.Fatal(err)
				}
				if c.hash {
					_ = sha256.Sum256(out)
				}
			}
		})
	}
}

func program(b *testing.B) []byte {
	b.Helper()
	name, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, snapshot.FrameSize))
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

// frameOf puts the header of a stored frame before a zstd frame.
func frameOf(z []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
	out = binary.LittleEndian.AppendUint32(out, 4)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(z)))
	return append(out, z...)
}
