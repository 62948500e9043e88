package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"sort"
)

// places turns extents into numbers and back. Frames are counted over all packs, and every number
// is told by its distance from the extent before, also that of another output: outputs that were
// stored together follow each other.
type places struct {
	first []int32 // of each pack, how many frames the packs before it have; and of all packs
	frame int64   // of the extent before, counted over all packs
	end   int64   // of it
}

func newPlaces(packs []Pack) *places { return &places{first: FirstFrames(packs)} }

// FirstFrames counts frames over all packs, those with lists of chunks included: it returns for
// each pack how many the packs before it have, and at the end how many all have.
func FirstFrames(packs []Pack) []int32 {
	first := make([]int32, len(packs)+1)
	for i := range packs {
		first[i+1] = first[i] + int32(len(packs[i].Frames))
	}
	return first
}

// append appends the extents of one output to b.
func (p *places) append(b []byte, extents []Extent) []byte {
	for n, e := range extents {
		frame := int64(p.first[e.Pack]) + int64(e.Frame)
		b = binary.AppendVarint(b, frame-p.frame)
		if frame != p.frame {
			p.frame, p.end = frame, 0
		}
		b = binary.AppendVarint(b, int64(e.Off)-p.end)
		p.end = int64(e.Off) + int64(e.Len)
		if n < len(extents)-1 {
			b = binary.AppendUvarint(b, uint64(e.Len))
		}
	}
	return b
}

// read reads the extents of an output of this size. It makes sure that the numbers fit into an
// Extent, and of the frame that it exists.
func (p *places) read(t *tableReader, size int64, extents []Extent) {
	for n := range extents {
		frame := p.frame + t.signed(MaxFrames)
		if frame != p.frame {
			p.frame, p.end = frame, 0
		}
		off := p.end + t.signed(MaxFrameRaw)
		length := size
		if n < len(extents)-1 {
			length = t.int(MaxFrameRaw)
			size -= length
		}
		p.end = off + length
		if t.err != nil {
			return
		}
		if frame < 0 || frame >= int64(p.first[len(p.first)-1]) || off < 0 || length < 1 || p.end > MaxFrameRaw {
			t.err = errors.New("an extent does not lie in a frame")
			return
		}
		pack := sort.Search(len(p.first)-1, func(i int) bool { return int64(p.first[i+1]) > frame })
		extents[n] = Extent{int32(pack), int32(frame - int64(p.first[pack])), int32(off), int32(length)}
	}
}

// arena hands out lists of extents from larger ones: most have one.
type arena []Extent

// take returns a list of n extents, which are zero.
func (a *arena) take(n int) []Extent {
	if n == 0 {
		return nil
	}
	if n > len(*a) {
		*a = make([]Extent, max(n, min(1<<12, 1<<8+n)))
	}
	list := (*a)[:n:n]
	*a = (*a)[n:]
	return list
}

// Coverage counts bytes of one pack that extents cover, each byte once however many there are. The
// zero value is ready. It takes 12 bytes for an extent.
type Coverage struct{ spans []span }

type span struct{ frame, off, end int32 }

// Add adds an extent, whatever its Pack is.
func (c *Coverage) Add(e Extent) {
	s := span{e.Frame, e.Off, e.Off + e.Len}
	if n := len(c.spans); n > 0 && c.spans[n-1].frame == s.frame && c.spans[n-1].end == s.off {
		c.spans[n-1].end = s.end
		return
	}
	c.spans = append(c.spans, s)
}

// Bytes sums up what is covered.
func (c *Coverage) Bytes() (n int64) {
	slices.SortFunc(c.spans, func(x, y span) int { return cmp.Or(cmp.Compare(x.frame, y.frame), cmp.Compare(x.off, y.off)) })
	frame, end := int32(-1), int32(0)
	for _, s := range c.spans {
		if s.frame != frame {
			frame, end = s.frame, 0
		}
		if s.end > end {
			n += int64(s.end - max(s.off, end))
			end = s.end
		}
	}
	return n
}
