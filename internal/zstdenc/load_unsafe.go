//go:build (amd64 || arm64) && !nounsafe

package zstdenc

import "unsafe"

// The matcher reads at places that it has come to in this frame, never less than eight bytes before
// the end: hashMargin and matchLen see to that, and no input can lead it elsewhere. The checks of
// bounds take a tenth of the encoder's time. With the tag nounsafe, which klauspost/compress knows
// too, they are made: the fuzz tests run so.

// load64 and load32 read at a place of p that has as many bytes behind it.
func load64(p []byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(p)), i))
}

func load32(p []byte, i int) uint32 {
	return *(*uint32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(p)), i))
}
