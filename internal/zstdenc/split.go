package zstdenc

import "math/bits"

// A block has one Huffman table for its literals, and object files change their nature within a
// block: machine code, then relocations, then names. So what was parsed as one block is written as
// several where the literals of its parts differ by more than another table costs.
const (
	unit = 8 << 10 // bytes of content; parts are made of whole ones
	// bytes: 40 of the tables, and what the time is worth to read them, in which a decoder does 300
	// sequences
	splitCost = 320
)

// part is a run of sequences, ending before these indices.
type part struct{ sequences, literals, content int }

type histogram [256]uint32

// split cuts the block into parts.
func (b *block) split(size int) []part {
	b.parts = b.parts[:0]
	var group, next histogram
	groupBits, at := 0, part{}
	for at.content < size {
		end := b.unitEnd(at, size)
		next = histogram{}
		next.add(b.literals[at.literals:end.literals])
		nextBits := next.bits()
		both := group
		both.merge(&next)
		bothBits := both.bits()
		if n := len(b.parts); n > 0 && bothBits <= groupBits+nextBits+8*splitCost {
			b.parts[n-1] = end
			group, groupBits = both, bothBits
		} else {
			b.parts = append(b.parts, end)
			group, groupBits = next, nextBits
		}
		at = end
	}
	return b.parts
}

// unitEnd returns the end of the unit that begins at p. The last one has what is left.
func (b *block) unitEnd(p part, size int) part {
	if size-p.content < 2*unit {
		return part{len(b.sequences), len(b.literals), size}
	}
	for limit := p.content + unit; p.sequences < len(b.sequences) && p.content < limit; p.sequences++ {
		s := b.sequences[p.sequences]
		p.literals += int(s.lits)
		p.content += int(s.lits + s.length)
	}
	if p.sequences == len(b.sequences) {
		return part{len(b.sequences), len(b.literals), size}
	}
	return p
}

func (h *histogram) add(p []byte) {
	for _, c := range p {
		h[c]++
	}
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// bits is about how many bits a Huffman code takes for what was counted.
func (h *histogram) bits() int {
	sum, total := 0, uint32(0)
	for _, n := range h {
		if n > 0 {
			total += n
			sum -= int(n) * log2(n)
		}
	}
	if total == 0 {
		return 0
	}
	return (sum + int(total)*log2(total)) >> 8
}

// log2 is the binary logarithm in 256ths, linear between powers of two and corrected halfway.
func log2(n uint32) int {
	e := bits.Len32(n) - 1
	f := int(uint64(n)<<8>>e) - 256
	return e<<8 + f + (f*(256-f)*88)>>16
}
