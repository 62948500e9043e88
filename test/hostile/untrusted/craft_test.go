package untrusted

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/snapshot"
)

// Crafted objects: objects that a writer of gocache would never write are assembled byte by byte.

var bytesEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// bytesFrame puts the header of a stored frame before a zstd frame, or before bytes that pretend to
// be one.
func bytesFrame(z []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
	b = binary.LittleEndian.AppendUint32(b, 4)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(z)))
	return append(b, z...)
}

// bytesFrames stores an archive as a writer does.
func bytesFrames(raw []byte) (out []byte) {
	for len(raw) > 0 {
		n := min(len(raw), snapshot.FrameSize)
		out = append(out, bytesFrame(bytesEncoder.EncodeAll(raw[:n], nil))...)
		raw = raw[n:]
	}
	return out
}

// bytesZeros returns a zstd frame that claims one size and holds n zeros, in blocks that store one
// byte and a count.
func bytesZeros(claim uint64, n int) []byte {
	b := []byte{0x28, 0xB5, 0x2F, 0xFD, 0xE0} // single segment, content size of 8 bytes
	b = binary.LittleEndian.AppendUint64(b, claim)
	for n > 0 {
		k := min(n, 128<<10)
		n -= k
		h := uint32(k)<<3 | 1<<1
		if n == 0 {
			h |= 1
		}
		b = append(b, byte(h), byte(h>>8), byte(h>>16), 0)
	}
	return b
}

// bytesMember is a member of an archive.
type bytesMember struct {
	tar.Header
	data string
}

func bytesFile(name, data string) bytesMember {
	return bytesMember{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}, data}
}

// bytesTar returns a whole archive.
func bytesTar(t testing.TB, members ...bytesMember) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		bytesMust(t, w.WriteHeader(&m.Header))
		_, err := io.WriteString(w, m.data)
		bytesMust(t, err)
	}
	bytesMust(t, w.Close())
	return b.Bytes()
}

// bytesHeader returns an old-style tar header with any name and size, which package tar would not
// write.
func bytesHeader(kind byte, name string, size int64) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	if size < 1<<33 {
		copy(b[124:], fmt.Sprintf("%011o\x00", size))
	} else {
		b[124] = 0x80
		binary.BigEndian.PutUint64(b[128:], uint64(size))
	}
	copy(b[136:], "00000000000\x00        ")
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// bytesRaw returns one member with such a header, and the end of the archive.
func bytesRaw(kind byte, name, data string) []byte {
	b := append(bytesHeader(kind, name, int64(len(data))), data...)
	b = append(b, make([]byte, (512-len(data)%512)%512)...)
	return append(b, make([]byte, 1024)...)
}

// members returns the files of a module object, as a writer stores them.
func (m bytesModule) members() []bytesMember {
	list := []bytesMember{
		bytesFile(m.base()+".info", fmt.Sprintf(`{"Version":%q}`, m.v.Version)),
		bytesFile(m.base()+".mod", m.mod()),
	}
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		list = append(list, bytesFile(m.tree()+name, m.files[name]))
	}
	return list
}

// bytesPack makes a pack of an archive and its record with right hashes, as somebody could who
// writes both packs and manifests.
func bytesPack(raw []byte) (snapshot.Pack, []byte) {
	var p snapshot.Pack
	var stored []byte
	for len(raw) > 0 {
		n := min(len(raw), snapshot.FrameSize)
		f := bytesFrame(bytesEncoder.EncodeAll(raw[:n], nil))
		p.Frames = append(p.Frames, snapshot.Frame{Size: int64(len(f)), Raw: int64(n), Sum: sha256.Sum256(f)})
		stored = append(stored, f...)
		raw = raw[n:]
	}
	p.Size = int64(len(stored))
	p.Object = snapshot.PackObject(bytesRepo, bytesScope, sha256.Sum256(stored))
	return p, stored
}

// bytesBody returns the decompressed body of a stored manifest, split into its line of JSON and its
// tables.
func bytesBody(t testing.TB, data []byte) (line, tables []byte) {
	t.Helper()
	_, body, _ := bytes.Cut(data, []byte("\n\n"))
	zr, err := zstd.NewReader(bytes.NewReader(body))
	bytesMust(t, err)
	defer zr.Close()
	raw, err := io.ReadAll(zr)
	bytesMust(t, err)
	line, tables, _ = bytes.Cut(raw, []byte("\n"))
	return line, tables
}

// bytesManifest stores a body with its right hash.
func bytesManifest(body []byte) []byte {
	return append(fmt.Appendf(nil, "gocache-manifest 2\nsha256 %x\n\n", sha256.Sum256(body)), body...)
}

func bytesCompressed(parts ...[]byte) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err)
	}
	for _, p := range parts {
		w.Write(p)
	}
	w.Close()
	return b.Bytes()
}

func bytesSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
