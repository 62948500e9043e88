package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// A whole module object ends with a list of the files of its tree, in the order of the archive, so
// that a writer can compare another version with it without having the tree. It is a zstd frame
// that decoders pass over, and its length follows from the number of files.

// FileHash tells a file of a tree from all others of this module: it is made of its name, whether
// it can be executed, and its content.
type FileHash [16]byte

const listMagic = skippableMagic + 0xe

// HashFile returns the hash of a file. rel is its name in the tree, sum the SHA-256 of its content.
func HashFile(rel string, exec bool, sum [sha256.Size]byte) (f FileHash) {
	b := append(make([]byte, 0, sha256.Size+1+len(rel)), sum[:]...)
	if exec {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	h := sha256.Sum256(append(b, rel...))
	copy(f[:], h[:])
	return f
}

// appendFileList appends the stored form of a list.
func appendFileList(dst []byte, list []FileHash) []byte {
	n := len(list) * len(FileHash{})
	dst = appendSkippable(dst, listMagic, n+sha256.Size)
	for _, f := range list {
		dst = append(dst, f[:]...)
	}
	sum := sha256.Sum256(dst[len(dst)-n:])
	return append(dst, sum[:]...)
}

// ListRange says where the list of a whole module object lies, by the number of files of its tree.
// off is negative if the object is too small to have one.
func (b Base) ListRange() (off, n int64) {
	n = 8 + int64(b.Files)*int64(len(FileHash{})) + sha256.Size
	return b.Size - n, n
}

// DecodeFileList reads what lies in ListRange. Anything but a list that is whole is ErrCorrupt.
func DecodeFileList(data []byte) ([]FileHash, error) {
	n := len(data) - 8 - sha256.Size
	if n < 0 || n%len(FileHash{}) != 0 || binary.LittleEndian.Uint32(data) != listMagic || int(binary.LittleEndian.Uint32(data[4:])) != len(data)-8 {
		return nil, fmt.Errorf("%w: no list of files", ErrCorrupt)
	}
	body := data[8 : 8+n]
	if sha256.Sum256(body) != [sha256.Size]byte(data[8+n:]) {
		return nil, fmt.Errorf("%w: hash of the list of files", ErrCorrupt)
	}
	list := make([]FileHash, n/len(FileHash{}))
	for i := range list {
		copy(list[i][:], body[i*len(FileHash{}):])
	}
	return list, nil
}

// skipFileList passes over the rest of a list, of which the first bytes were read, and returns
// io.EOF if the object ends there. Readers of trees need no list: h1 proves what they get.
func skipFileList(r io.Reader, start [frameHeaderSize]byte) error {
	n := int64(binary.LittleEndian.Uint32(start[4:])) - (frameHeaderSize - 8)
	if n < 0 || n > MaxModuleFiles*int64(len(FileHash{}))+sha256.Size {
		return fmt.Errorf("%w: list of files of %d bytes", ErrCorrupt, n)
	}
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		return noEOF(err)
	}
	switch n, err := io.CopyN(io.Discard, r, 1); {
	case n > 0:
		return fmt.Errorf("%w: data behind the list of files", ErrCorrupt)
	default:
		return err
	}
}
