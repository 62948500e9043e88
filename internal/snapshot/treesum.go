package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
)

// TreeSum hashes the list of the files of a tree: of each its name, its size and the SHA-256 of its
// content, in the order of the pack. Trees with the same sum have the same files, and a save that
// knows the sum need not compress the files to find that out.
type TreeSum struct{ list hash.Hash }

// NewTreeSum returns the TreeSum of no files.
func NewTreeSum() TreeSum { return TreeSum{sha256.New()} }

// Add adds a file.
func (s TreeSum) Add(name string, size int64, content [sha256.Size]byte) {
	s.list.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(name)))) // so that names cannot run into each other
	io.WriteString(s.list, name)
	s.list.Write(binary.LittleEndian.AppendUint64(nil, uint64(size)))
	s.list.Write(content[:])
}

// String returns the sum of all files that were added, in hex.
func (s TreeSum) String() string { return hex.EncodeToString(s.list.Sum(nil)) }
