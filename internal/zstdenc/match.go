package zstdenc

import "math/bits"

// Tables of places where content was seen, by its hash. They are as small as that they stay near
// the processor, which waits for them most of the time.
const (
	longBits  = 17 // hash of 8 bytes
	shortBits = 15 // hash of 6 bytes
	farBits   = 16 // hash of 8 bytes, of a sample of the places
	// One in 1<<farSample places is in the far table, chosen by content, so that equal content is
	// chosen at both places. What lies 16 MiB back is found there, while the long table has
	// forgotten it after one or two.
	farSample = 4
)

const (
	// minMatch is the length from which matches are taken. Three is the least that the format
	// knows, but short ones save hardly more bytes than they cost, and a decoder's time goes by
	// their number.
	minMatch = 6
	// goodMatch is the length from which no better one is looked for.
	goodMatch = 32
	// indexed and indexStep say which places within a match are noted: what repeats from there on
	// is found too.
	indexed   = 4
	indexStep = 4
)

const prime = 0x9E3779B97F4A7C15 // 2^64 / golden ratio, as in Fibonacci hashing

// entry is a place in the frame, and in the lower eight bits a part of the hash of the bytes there:
// a place that does not match is mostly seen without a look at it, which would often be a cache
// miss. Entries of four bytes keep the tables small, for the same reason.
type entry uint32

func newEntry(at int, hash uint64, bits int) entry {
	return entry(at)<<8 | entry(hash>>(64-8-bits))&0xff
}

func (e entry) at() int { return int(e >> 8) }

// is tells whether the content may be the same as that of other.
func (e entry) is(other entry) bool { return (e^other)&0xff == 0 }

// matcher finds repetitions as level 3 of the reference implementation does ("double fast"), of
// places with the same hash only the last one is known, but looks two places further for a longer
// one, which makes fewer of them.
type matcher struct {
	src    []byte
	recent [2]uint32 // offsets of the last two matches, as the decoder knows them

	long  [1 << longBits]entry
	short [1 << shortBits]entry
	far   [1 << farBits]entry
}

// reset starts a frame.
func (m *matcher) reset(src []byte) {
	clear(m.long[:])
	clear(m.short[:])
	clear(m.far[:])
	m.src = src
	m.recent = [2]uint32{1, 4} // RFC 8878, section 3.1.1.5
}

// parse cuts src[start:end] into literals and matches. A match may reach back to the start of the
// frame.
func (m *matcher) parse(b *block, start, end int) {
	b.sequences, b.literals = b.sequences[:0], b.literals[:0]
	src := m.src[:end:end]
	limit := end - hashMargin
	emitted := start
	// An empty entry means the place 0, at which nothing can be found therefore; and the offsets
	// that a frame begins with reach back to 0 from here on.
	for s := max(start, 4); s < limit; {
		var at, n int
		if s, at, n = m.find(src, s, emitted, limit); n == 0 {
			break
		}
		off1, off2 := int(m.recent[0]), int(m.recent[1])
		switch {
		// Recent offsets have short names, but other ones where no literal comes before: then not
		// these.
		case s-at == off1 && s > emitted:
			b.add(src[emitted:s], 1, n)
		case s-at == off2 && s > emitted:
			b.add(src[emitted:s], 2, n)
			m.recent = [2]uint32{uint32(off2), uint32(off1)}
		default:
			for at > 0 && s > emitted && src[at-1] == src[s-1] {
				at--
				s--
				n++
			}
			b.add(src[emitted:s], uint32(s-at)+3, n)
			m.recent = [2]uint32{uint32(s - at), uint32(off1)}
		}
		begin := s
		if s += n; s < limit {
			m.indexMatch(src, begin, s)
			s = m.repeat(b, src, s, limit)
		}
		emitted = s
	}
	b.literals = append(b.literals, src[emitted:]...)
}

// hashMargin is how many bytes find and index need from a place on.
const hashMargin = 16

// find returns the next match: n bytes at s, which are also at the place at. No match before limit
// is n = 0.
func (m *matcher) find(src []byte, s, emitted, limit int) (_, at, n int) {
	off1, off2 := int(m.recent[0]), int(m.recent[1])
	cv := load64(src, s)
	hl := hashLong(cv)
	cl := m.long[hl>>(64-longBits)]
	for {
		// What was seen with the hash of the next place is asked for already now, so that the
		// memory works on both.
		next := s + 1
		cv1 := load64(src, next)
		hl1 := hashLong(cv1)
		c1 := m.long[hl1>>(64-longBits)]
		hs := hashShort(cv)
		cs := m.short[hs>>(64-shortBits)]
		el, es := newEntry(s, hl, longBits), newEntry(s, hs, shortBits)
		m.long[hl>>(64-longBits)] = el
		m.short[hs>>(64-shortBits)] = es
		if r := next - off1; load32(src, r) == uint32(cv1) {
			return next, r, 4 + matchLen(src, next+4, r+4)
		}
		if r := next - off2; load32(src, r) == uint32(cv1) {
			return next, r, 4 + matchLen(src, next+4, r+4)
		}
		n = 0
		if cl.is(el) {
			at = cl.at()
			n = matchLen(src, s, at)
		}
		if hl&(1<<farSample-1) == 0 {
			f := hl >> (64 - farBits)
			cf := m.far[f]
			m.far[f] = el
			if n < goodMatch && cf.is(el) {
				if k := matchLen(src, s, cf.at()); k > n {
					at, n = cf.at(), k
				}
			}
		}
		if n < 8 && cs.is(es) {
			if k := matchLen(src, s, cs.at()); k > n {
				at, n = cs.at(), k
			}
		}
		if n >= minMatch {
			if n < goodMatch {
				return m.better(src, s, at, n, cv1, hl1)
			}
			return s, at, n
		}
		step := (s - emitted) >> 7 // faster and faster through what does not repeat
		if s = next + step; s >= limit {
			return s, 0, 0
		}
		if step == 0 {
			cv, hl, cl = cv1, hl1, c1
			continue
		}
		cv = load64(src, s)
		hl = hashLong(cv)
		cl = m.long[hl>>(64-longBits)]
	}
}

// better looks for a longer match that begins one or two bytes behind the one of n bytes at s. v is
// what stands at s+1, and hl its hash.
func (m *matcher) better(src []byte, s, at, n int, v, hl uint64) (_, _, _ int) {
	i := hl >> (64 - longBits)
	c, e := m.long[i], newEntry(s+1, hl, longBits)
	if c.is(e) {
		m.long[i] = e
		if k := matchLen(src, s+1, c.at()); k > n+1 {
			return s + 1, c.at(), k
		}
	}
	hs := hashShort(v)
	if c, e := m.short[hs>>(64-shortBits)], newEntry(s+1, hs, shortBits); c.is(e) {
		if k := matchLen(src, s+1, c.at()); k > n+2 {
			return s + 1, c.at(), k
		}
	}
	hl = hashLong(load64(src, s+2))
	if c, e := m.long[hl>>(64-longBits)], newEntry(s+2, hl, longBits); c.is(e) {
		if k := matchLen(src, s+2, c.at()); k > n+2 {
			return s + 2, c.at(), k
		}
	}
	return s, at, n
}

// indexMatch notes places in the match src[begin:end].
func (m *matcher) indexMatch(src []byte, begin, end int) {
	m.index(src, begin+1)
	for at, last := begin+2, min(end-4, begin+2+indexed*indexStep); at < last; at += indexStep {
		m.indexLong(at, hashLong(load64(src, at)))
	}
	m.index(src, end-2)
}

// index notes a place.
func (m *matcher) index(src []byte, at int) {
	v := load64(src, at)
	m.indexLong(at, hashLong(v))
	hs := hashShort(v)
	m.short[hs>>(64-shortBits)] = newEntry(at, hs, shortBits)
}

// indexLong notes a place in the long table only.
func (m *matcher) indexLong(at int, hash uint64) {
	m.long[hash>>(64-longBits)] = newEntry(at, hash, longBits)
}

// repeat takes matches at the offset before the last one, right behind a match: there the format
// means it by offset 1. It returns where they end.
func (m *matcher) repeat(b *block, src []byte, s, limit int) int {
	for s < limit {
		r := s - int(m.recent[1])
		if load32(src, r) != load32(src, s) {
			break
		}
		m.index(src, s)
		n := 4 + matchLen(src, s+4, r+4)
		b.add(nil, 1, n)
		m.recent[0], m.recent[1] = m.recent[1], m.recent[0]
		s += n
	}
	return s
}

// hashLong mixes eight bytes; its upper bits are the hash, its lower ones choose the sample.
func hashLong(v uint64) uint64 {
	v *= prime
	return v ^ v>>47
}

// hashShort mixes the first six of eight bytes.
func hashShort(v uint64) uint64 { return v << 16 * prime }

// matchLen counts equal bytes at a and at b < a.
func matchLen(src []byte, a, b int) int {
	start := a
	for a+8 <= len(src) {
		if d := load64(src, a) ^ load64(src, b); d != 0 {
			return a - start + bits.TrailingZeros64(d)/8
		}
		a += 8
		b += 8
	}
	for a < len(src) && src[a] == src[b] {
		a++
		b++
	}
	return a - start
}
