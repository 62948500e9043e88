package zstdenc

import (
	"math"
	"math/bits"
)

// maxSymbols is more than any of the three alphabets of sequences has: 36, 32 and 53.
const maxSymbols = 64

// table is a distribution of symbols, and the coder for it (RFC 8878, section 4.1).
type table struct {
	log   uint8             // the probabilities are in 1<<log parts
	norm  [maxSymbols]int16 // -1: less than one part, which takes one
	next  [1 << 9]uint16    // states
	trans [maxSymbols]transition
}

// transition says how to get from any state to one that the decoder reads as a symbol.
type transition struct {
	bits  uint32 // (number of bits)<<16 less the first state that needs as many
	state int32
}

// newTable returns the coder for a distribution.
func newTable(log uint8, norm []int16) *table {
	t := &table{log: log}
	copy(t.norm[:], norm)
	t.build()
	return t
}

// build lays the symbols out over the states, as the decoder does.
func (t *table) build() {
	size := 1 << t.log
	var symbol [1 << 9]uint8
	var start [maxSymbols + 1]uint16
	high := size - 1
	for s, n := range t.norm {
		start[s+1] = start[s] + uint16(max(n, -n))
		if n == -1 {
			symbol[high] = uint8(s)
			high--
		}
	}
	at := 0
	for s, n := range t.norm {
		for range n {
			symbol[at] = uint8(s)
			for at = (at + size>>1 + size>>3 + 3) & (size - 1); at > high; {
				at = (at + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	for u := range size {
		s := symbol[u]
		t.next[start[s]] = uint16(size + u)
		start[s]++
	}
	t.buildTransitions()
}

func (t *table) buildTransitions() {
	total := int32(0)
	for s, n := range t.norm {
		switch n {
		case 0:
		case -1, 1:
			t.trans[s] = transition{uint32(t.log)<<16 - 1<<t.log, total - 1}
			total++
		default:
			most := uint32(t.log) - uint32(bits.Len16(uint16(n-1))-1)
			t.trans[s] = transition{most<<16 - uint32(n)<<most, total - int32(n)}
			total += int32(n)
		}
	}
}

// cost returns how many bits symbols with these counts take; infinitely many if one is not in the
// distribution.
func (t *table) cost(counts *[maxSymbols]uint32) float64 {
	sum := 0.0
	for s, c := range counts {
		switch n := t.norm[s]; {
		case c == 0:
		case n == 0:
			return math.Inf(1)
		default:
			sum += float64(c) * (float64(t.log) - math.Log2(float64(max(n, 1))))
		}
	}
	return sum
}

// fit makes the distribution that fits n symbols with these counts, of which at least two are not
// zero.
func (t *table) fit(counts *[maxSymbols]uint32, n int, maxLog uint8) {
	kinds := 0
	for _, c := range counts {
		if c > 0 {
			kinds++
		}
	}
	log := min(int(maxLog), bits.Len(uint(n-1))-3)
	t.log = uint8(max(log, bits.Len(uint(kinds))+1, 5))
	left := 1 << t.log
	for s, c := range counts {
		t.norm[s] = 0
		if c > 0 {
			t.norm[s] = int16(max(1, (int(c)<<t.log+n/2)/n))
		}
		left -= int(t.norm[s])
	}
	// What rounding left or took too much goes to or comes from the most frequent ones.
	for left != 0 {
		most := 0
		for s, c := range t.norm {
			if c > t.norm[most] {
				most = s
			}
		}
		d := left
		if left < 0 {
			d = -1
		}
		t.norm[most] += int16(d)
		left -= d
	}
	t.build()
}

// appendTo writes the distribution (RFC 8878, section 4.1.1).
func (t *table) appendTo(dst []byte) []byte {
	buf, pos := room(dst, 2*maxSymbols) // a symbol takes less than two bytes
	w := bitBuffer{}.add(uint64(t.log-5), 4)
	left, threshold, width := 1<<t.log+1, 1<<t.log, t.log+1
	for s := 0; left > 1; {
		n := int(t.norm[s])
		s++
		most := 2*threshold - 1 - left
		left -= max(n, -n)
		v := n + 1
		if v >= threshold {
			v += most
		}
		short := uint8(0)
		if v < most {
			short = 1
		}
		w = w.add(uint64(v), width-short)
		for left < threshold && threshold > 1 {
			threshold >>= 1
			width--
		}
		if n == 0 { // how many more zeros follow, in steps of at most three
			for more := t.zeros(s); ; more -= 3 {
				w = w.add(uint64(min(more, 3)), 2)
				s += min(more, 3)
				w, pos = w.flush(buf, pos)
				if more < 3 {
					break
				}
			}
		}
		w, pos = w.flush(buf, pos)
	}
	return buf[:w.pad(buf, pos)]
}

// zeros counts symbols without probability from s on.
func (t *table) zeros(s int) (n int) {
	for s+n < maxSymbols && t.norm[s+n] == 0 {
		n++
	}
	return n
}
