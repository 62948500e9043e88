package zstdenc

import (
	"math/bits"
	"slices"
)

// symbols is one of the three columns of the sequences of a block: literal lengths, offsets, match
// lengths.
type symbols struct {
	codes  []uint8
	counts [maxSymbols]uint32

	// in use for this block; nil: all codes are the same, and nothing is written for them
	*table
	tables [2]table // room for the one in use and the one before
	last   *table   // what the decoder used for the last block; nil: unknown
}

// start empties the column for n sequences.
func (c *symbols) start(n int) {
	c.codes = slices.Grow(c.codes[:0], n)[:n]
	clear(c.counts[:])
}

func (c *symbols) set(i int, code uint8) {
	c.codes[i] = code
	c.counts[code&(maxSymbols-1)]++
}

// Ways to give the decoder a table (RFC 8878, section 3.1.1.3.2.1).
const (
	modeDefault = iota
	modeRLE
	modeTable
	modeRepeat
)

// alphabet is what the format fixes for a column.
type alphabet struct {
	maxLog uint8
	preset *table
}

// choose takes the table that costs least, and writes what the decoder needs to have it.
func (c *symbols) choose(dst []byte, a alphabet) (_ []byte, mode byte) {
	if first := c.codes[0]; int(c.counts[first]) == len(c.codes) {
		c.table, c.last = nil, nil
		return append(dst, first), modeRLE
	}
	fitted := &c.tables[0]
	if c.last == fitted {
		fitted = &c.tables[1]
	}
	fitted.fit(&c.counts, len(c.codes), a.maxLog)
	start := len(dst)
	dst = fitted.appendTo(dst)
	best := fitted.cost(&c.counts) + float64(8*(len(dst)-start))
	c.table, mode = fitted, modeTable
	if n := a.preset.cost(&c.counts); n <= best {
		best, c.table, mode = n, a.preset, modeDefault
	}
	if c.last != nil {
		if n := c.last.cost(&c.counts); n <= best {
			c.table, mode = c.last, modeRepeat
		}
	}
	if c.last = c.table; mode != modeTable {
		dst = dst[:start]
	}
	return dst, mode
}

// init returns the state after which the decoder reads code i last.
func (c *symbols) init(i int) uint32 {
	if c.table == nil {
		return 0
	}
	t := c.trans[c.codes[i]]
	n := (t.bits + 1<<15) >> 16
	return uint32(c.next[int32((n<<16-t.bits)>>n)+t.state])
}

// encode adds the bits that lead from the state for a code to the given one, and returns the
// former.
func (c *symbols) encode(w bitBuffer, state uint32, code uint8) (bitBuffer, uint32) {
	if c.table == nil {
		return w, 0
	}
	t := c.trans[code&(maxSymbols-1)]
	n := (state + t.bits) >> 16
	return w.add(uint64(state), uint8(n)), uint32(c.next[int32(state>>n)+t.state])
}

// finalBits is how many bits of the last state are written.
func (c *symbols) finalBits() uint8 {
	if c.table == nil {
		return 0
	}
	return c.log
}

// The codes of lengths: the small ones stand for themselves, the others for ranges whose extra bits
// follow (RFC 8878, section 3.1.1.3.2.1.1).
var (
	litExtra = [maxSymbols]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matExtra = [maxSymbols]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

	litSmall = smallCodes[[64]uint8](litExtra)
	matSmall = smallCodes[[128]uint8](matExtra)
)

// smallCodes lists the codes of small lengths.
func smallCodes[T [64]uint8 | [128]uint8](extra [maxSymbols]uint8) (codes T) {
	code, next := -1, 0
	for i := range len(codes) {
		if i == next {
			code++
			next += 1 << extra[code]
		}
		codes[i] = uint8(code)
	}
	return codes
}

func litCode(n uint32) uint8 {
	if n < 64 {
		return litSmall[n]
	}
	return uint8(bits.Len32(n)) - 1 + 19
}

// matCode is for the length less three.
func matCode(n uint32) uint8 {
	if n < 128 {
		return matSmall[n]
	}
	return uint8(bits.Len32(n)) - 1 + 36
}

func offCode(offset uint32) uint8 { return uint8(bits.Len32(offset)) - 1 }

// The alphabets, with the distributions that need not be written (RFC 8878, section 3.1.1.3.2.2).
var (
	litAlphabet = alphabet{9, newTable(6, []int16{
		4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
	})}
	offAlphabet = alphabet{8, newTable(5, []int16{
		1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
	})}
	matAlphabet = alphabet{9, newTable(6, []int16{
		1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
	})}
)
