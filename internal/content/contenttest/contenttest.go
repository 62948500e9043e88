// Package contenttest makes stored objects for tests, without a save, a server or a disk.
package contenttest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/zstdenc"
)

// File is a member of an archive.
type File struct{ Name, Content string }

// Tar makes an archive, as packs and module objects hold.
func Tar(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: int64(len(f.Content)), Mode: 0o644}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encoders have large tables.
var encoders = sync.Pool{New: func() any { return new(zstdenc.Encoder) }}

// Frame stores bytes as one frame, which ends in a checksum of four bytes.
func Frame(raw []byte) []byte {
	enc := encoders.Get().(*zstdenc.Encoder)
	defer encoders.Put(enc)
	z := enc.Append(nil, raw)
	out := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
	out = binary.LittleEndian.AppendUint32(out, 4)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(z)))
	return append(out, z...)
}

// Framed stores bytes as frames of at most size bytes.
func Framed(raw []byte, size int) (out []byte) {
	for len(raw) > 0 {
		n := min(size, len(raw))
		out = append(out, Frame(raw[:n])...)
		raw = raw[n:]
	}
	return out
}

// Pack puts a pack into the store whose frames hold these bytes.
func Pack(st *Store, frames ...[]byte) snapshot.Pack {
	var p snapshot.Pack
	var data []byte
	for _, raw := range frames {
		z := Frame(raw)
		p.Frames = append(p.Frames, snapshot.Frame{Size: int64(len(z)), Raw: int64(len(raw)), Sum: sha256.Sum256(z)})
		p.Raw += int64(len(raw))
		data = append(data, z...)
	}
	p.Size = int64(len(data))
	p.Object = snapshot.PackObject("r", "refs/heads/main", sha256.Sum256(data))
	st.Set(p.Object, data)
	return p
}

// Chunks puts a pack of outputs into the store, with these chunks, and returns where each lies. The
// packs of the extents are 0.
func Chunks(t testing.TB, st *Store, chunks ...[]byte) (snapshot.Pack, []snapshot.Extent) {
	t.Helper()
	var data bytes.Buffer
	var spot snapshot.Spot
	w := snapshot.NewChunkWriter(&data)
	extents := make([]snapshot.Extent, len(chunks))
	for i, c := range chunks {
		if err := w.Add(snapshot.ChunkSumOf(sha256.Sum256(c)), c); err != nil {
			t.Fatal(err)
		}
		frame, off := spot.Place(len(c))
		extents[i] = snapshot.Extent{Frame: frame, Off: off, Len: int32(len(c))}
	}
	p, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	p.Object = snapshot.PackObject("r", "refs/heads/main", w.Sum())
	st.Set(p.Object, data.Bytes())
	return p, extents
}

// SHA256 is the hash of a text.
func SHA256(content string) [32]byte { return sha256.Sum256([]byte(content)) }

// Sum is the SHA-256 of a text in hex.
func Sum(content string) string {
	sum := SHA256(content)
	return hex.EncodeToString(sum[:])
}

// ID is an ID that begins with b.
func ID(b ...byte) (id digest.ID) {
	copy(id[:], b)
	return id
}
