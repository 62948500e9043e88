package zstdenc

import (
	"encoding/binary"
	"slices"
)

// bitBuffer holds bits until there are whole bytes of them, the lowest first. It is passed as a
// value: then the compiler keeps it in registers, and each bit does not wait for a store to memory
// and a load.
type bitBuffer struct {
	bits uint64
	n    uint
}

// room returns dst with space for size bytes of bits behind it, and where they begin.
func room(dst []byte, size int) (buf []byte, pos int) {
	buf = slices.Grow(dst, size+8) // flush writes eight bytes at once
	return buf[:cap(buf)], len(dst)
}

// add appends the n lowest bits of v. At most 57 bits fit between two calls of flush.
func (w bitBuffer) add(v uint64, n uint8) bitBuffer {
	return bitBuffer{w.bits | (v&(1<<(n&63)-1))<<(w.n&63), w.n + uint(n)}
}

// flush moves whole bytes to buf[pos:], and returns where the next ones go. Those behind them are
// written over next.
func (w bitBuffer) flush(buf []byte, pos int) (bitBuffer, int) {
	binary.LittleEndian.PutUint64(buf[pos:], w.bits)
	return bitBuffer{w.bits >> (w.n & 0x38), w.n & 7}, pos + int(w.n>>3)
}

// pad writes what is left, the last byte filled with zeros, and returns where it ends.
func (w bitBuffer) pad(buf []byte, pos int) int {
	_, end := bitBuffer{w.bits, w.n + 7}.flush(buf, pos)
	return end
}
