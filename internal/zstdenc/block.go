package zstdenc

import (
	"github.com/klauspost/compress/huff0"
)

// sequence is a run of literals and the match behind it.
type sequence struct {
	lits   uint32
	length uint32 // of the match
	offset uint32 // as the format counts: 1 is a recent offset, others are distance + 3
}

// block collects the content of a block, and writes it.
type block struct {
	sequences []sequence
	literals  []byte

	parts         []part
	huff          huff0.Scratch
	lit, off, mat symbols
}

// reset forgets the tables of the block before, which the decoder does not have: at the start of a
// frame, and when the block was not written as a compressed one.
func (b *block) reset() {
	b.huff.Reuse = huff0.ReusePolicyNone
	b.lit.last, b.off.last, b.mat.last = nil, nil, nil
}

// add appends a sequence.
func (b *block) add(lits []byte, offset uint32, length int) {
	b.literals = append(b.literals, lits...)
	b.sequences = append(b.sequences, sequence{uint32(len(lits)), uint32(length), offset})
}

// append writes what was parsed as one block or several, and tells whether the decoder gets to see
// the sequences: content that does not become smaller is written as it is.
func (b *block) append(dst, src []byte, last bool) (_ []byte, seen bool) {
	if len(src) > 1 && allEqual(src) {
		return append(appendBlockHeader(dst, blockRLE, len(src), last), src[0]), false
	}
	start, from := len(dst), part{}
	for _, to := range b.split(len(src)) {
		p := piece{
			sequences: b.sequences[from.sequences:to.sequences],
			literals:  b.literals[from.literals:to.literals],
			content:   src[from.content:to.content],
			last:      last && to.content == len(src),
			alone:     to.content-from.content == len(src),
		}
		var ok bool
		if dst, ok = b.appendPiece(dst, p); !ok {
			b.reset()
			return append(appendBlockHeader(dst[:start], blockRaw, len(src), last), src...), false
		}
		from = to
	}
	return dst, true
}

// piece is a part with all that is in it.
type piece struct {
	sequences         []sequence
	literals, content []byte
	last, alone       bool
}

// appendPiece writes one block. It reports false where the content should rather be written as it
// is, with all that was parsed together with it: other parts count on the offsets of its sequences.
func (b *block) appendPiece(dst []byte, p piece) ([]byte, bool) {
	start := len(dst)
	dst = b.appendLiterals(append(dst, 0, 0, 0), p.literals)
	dst = b.appendSequences(dst, p.sequences)
	size := len(dst) - start - 3
	switch {
	case size < len(p.content), !p.alone && len(p.sequences) > 0 && size <= blockSize:
		putBlockHeader(dst[start:], blockCompressed, size, p.last)
		return dst, true
	case len(p.sequences) == 0:
		b.reset()
		return append(appendBlockHeader(dst[:start], blockRaw, len(p.content), p.last), p.content...), true
	}
	return dst[:start], false
}

func allEqual(p []byte) bool {
	for i := 1; i < len(p); i++ {
		if p[i] != p[0] {
			return false
		}
	}
	return true
}

// Types of the literals section (RFC 8878, section 3.1.1.3.1).
const (
	litRaw = iota
	litRLE
	litCompressed
	litTreeless // with the table of the block before
)

func (b *block) appendLiterals(dst, lits []byte) []byte {
	if len(lits) < 32 {
		return append(appendLiteralsSize(dst, litRaw, len(lits)), lits...)
	}
	single := len(lits) < 1024
	compress := huff0.Compress4X
	if single {
		compress = huff0.Compress1X
	}
	out, reused, err := compress(lits, &b.huff)
	switch {
	case err == huff0.ErrUseRLE:
		return append(appendLiteralsSize(dst, litRLE, len(lits)), lits[0])
	case err != nil || len(out)+2 >= len(lits):
		if err == nil && !reused {
			b.huff.Reuse = huff0.ReusePolicyNone // its table is not written
		}
		return append(appendLiteralsSize(dst, litRaw, len(lits)), lits...)
	}
	kind := litCompressed
	if reused {
		kind = litTreeless
	}
	b.huff.Reuse = huff0.ReusePolicyAllow
	return append(appendCompressedSizes(dst, kind, len(lits), len(out), single), out...)
}

// appendLiteralsSize writes the header of raw and RLE literals.
func appendLiteralsSize(dst []byte, kind, size int) []byte {
	switch {
	case size < 1<<5:
		return append(dst, byte(kind|size<<3))
	case size < 1<<12:
		return append(dst, byte(kind|1<<2|size<<4), byte(size>>4))
	}
	return append(dst, byte(kind|3<<2|size<<4), byte(size>>4), byte(size>>12))
}

// appendCompressedSizes writes the header of compressed literals.
func appendCompressedSizes(dst []byte, kind, size, packed int, single bool) []byte {
	width, format := 18, 3
	switch {
	case single:
		width, format = 10, 0
	case size < 1<<10:
		width, format = 10, 1
	case size < 1<<14:
		width, format = 14, 2
	}
	h := uint64(kind) | uint64(format)<<2 | uint64(size)<<4 | uint64(packed)<<(4+width)
	for n := (4 + 2*width) / 8; n > 0; n-- {
		dst = append(dst, byte(h))
		h >>= 8
	}
	return dst
}

// appendSequences writes the sequences section (RFC 8878, section 3.1.1.3.2).
func (b *block) appendSequences(dst []byte, seqs []sequence) []byte {
	n := len(seqs)
	switch {
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7F00:
		dst = append(dst, byte(n>>8)+128, byte(n))
	default:
		dst = append(dst, 255, byte(n-0x7F00), byte((n-0x7F00)>>8))
	}
	if n == 0 {
		return dst
	}
	b.lit.start(n)
	b.off.start(n)
	b.mat.start(n)
	for i, s := range seqs {
		b.lit.set(i, litCode(s.lits))
		b.off.set(i, offCode(s.offset))
		b.mat.set(i, matCode(s.length-3))
	}
	modes := len(dst)
	dst = append(dst, 0)
	var ml, mo, mm byte
	dst, ml = b.lit.choose(dst, litAlphabet)
	dst, mo = b.off.choose(dst, offAlphabet)
	dst, mm = b.mat.choose(dst, matAlphabet)
	dst[modes] = ml<<6 | mo<<4 | mm<<2
	return b.appendBits(dst, seqs)
}

// maxSequenceBytes is more than the bits of a sequence: 26 of three states, 16 of each length, and
// 24 of an offset.
const maxSequenceBytes = 11

// appendBits writes the sequences, the last first, as the decoder reads backwards.
func (b *block) appendBits(dst []byte, seqs []sequence) []byte {
	buf, pos := room(dst, maxSequenceBytes*(1+len(seqs)))
	lit, off, mat := &b.lit, &b.off, &b.mat
	i := len(seqs) - 1
	ls, os, ms := lit.init(i), off.init(i), mat.init(i)
	var w bitBuffer
	for {
		// What the codes leave open.
		w = w.add(uint64(seqs[i].lits), litExtra[lit.codes[i]&(maxSymbols-1)])
		w, pos = w.flush(buf, pos)
		w = w.add(uint64(seqs[i].length-3), matExtra[mat.codes[i]&(maxSymbols-1)])
		w = w.add(uint64(seqs[i].offset), off.codes[i])
		w, pos = w.flush(buf, pos)
		if i--; i < 0 {
			break
		}
		w, os = off.encode(w, os, off.codes[i])
		w, ms = mat.encode(w, ms, mat.codes[i])
		w, ls = lit.encode(w, ls, lit.codes[i])
	}
	w = w.add(uint64(ms), mat.finalBits())
	w = w.add(uint64(os), off.finalBits())
	w = w.add(uint64(ls), lit.finalBits())
	w = w.add(1, 1) // marks the end
	return buf[:w.pad(buf, pos)]
}
