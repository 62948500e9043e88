//go:build nounsafe || !(amd64 || arm64)

package zstdenc

import "encoding/binary"

// load64 and load32 read at a place of p that has as many bytes behind it.
func load64(p []byte, i int) uint64 { return binary.LittleEndian.Uint64(p[i : i+8 : i+8]) }
func load32(p []byte, i int) uint32 { return binary.LittleEndian.Uint32(p[i : i+4 : i+4]) }
