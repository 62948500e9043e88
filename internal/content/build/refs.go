package build

import (
	"github.com/org/gocache-action/internal/fetch"
	"github.com/org/gocache-action/internal/snapshot"
)

// ref is a reference to one extent of a needed output. There are millions: a plan takes 16 bytes
// for each.
type ref struct {
	output int32 // index into the outputs of the manifest
	extent int32 // index into its extents
	at     int64 // where in the output it lies
}

// refs are all extents of needed outputs, by the frame that they lie in. Frames are counted over
// all packs.
type refs struct {
	list  []ref   // by frame, then by output, then by their place in it
	start []int32 // of each frame, where its extents begin in list; and the length of list
	first []int32 // of each pack, how many frames the packs before it have; and of all packs
}

// indexRefs sorts the extents of needed outputs by their frames. They are counted first, so that
// nothing has to be compared.
func indexRefs(m *snapshot.Manifest, needed []bool) refs {
	p := refs{first: snapshot.FirstFrames(m.Packs)}
	p.start = make([]int32, p.first[len(m.Packs)]+1)
	for i := range m.Outputs {
		if needed[i] {
			for _, e := range m.Outputs[i].Extents {
				p.start[p.frame(e)+1]++
			}
		}
	}
	for f := range len(p.start) - 1 {
		p.start[f+1] += p.start[f]
	}
	p.list = make([]ref, p.start[len(p.start)-1])
	fill := append([]int32(nil), p.start...)
	for i := range m.Outputs {
		if !needed[i] {
			continue
		}
		at := int64(0)
		for n, e := range m.Outputs[i].Extents {
			f := p.frame(e)
			p.list[fill[f]] = ref{int32(i), int32(n), at}
			fill[f]++
			at += int64(e.Len)
		}
	}
	return p
}

// frame is the number of the frame of an extent.
func (p *refs) frame(e snapshot.Extent) int32 { return p.first[e.Pack] + e.Frame }

// of returns the extents in a frame of a pack.
func (p *refs) of(pack, frame int) []ref {
	f := p.first[pack] + int32(frame)
	return p.list[p.start[f]:p.start[f+1]]
}

// firstOutput splits extents of one frame behind those of the first output.
func firstOutput(list []ref) (one, rest []ref) {
	n := 1
	for n < len(list) && list[n].output == list[0].output {
		n++
	}
	return list[:n], list[n:]
}

// Frames of one read are decoded one after the other. So there are someReads at least, as long as
// they have leastRead bytes, below which a request takes longer than what it brings.
const (
	someReads = 16
	leastRead = 1 << 20
)

// readBytes is how many stored bytes one read has when all together have so many, and one may have
// partSize.
func readBytes(stored, partSize int64) int64 {
	return min(max(stored/someReads, leastRead), partSize)
}

// stored sums the stored bytes of the frames in which needed extents lie.
func (p *refs) stored(m *snapshot.Manifest) (n int64) {
	for pack := range m.Packs {
		for f, frame := range m.Packs[pack].Frames {
			if len(p.of(pack, f)) > 0 {
				n += frame.Size
			}
		}
	}
	return n
}

// groupReads combines the frames in which needed extents lie into ranged reads of about partSize
// stored bytes.
func groupReads(m *snapshot.Manifest, p *refs, partSize int64) []Read {
	var reads []Read
	for pack := range m.Packs {
		frames := m.Packs[pack].Frames
		for f := range frames {
			if len(p.of(pack, f)) == 0 {
				continue
			}
			if len(reads) == 0 || !reads[len(reads)-1].takes(pack, f, frames, partSize) {
				reads = append(reads, Read{Pack: pack, First: f, End: f})
			}
			r := &reads[len(reads)-1]
			r.Bytes += fetch.StoredSize(frames, r.End, f+1)
			r.End = f + 1
		}
	}
	return reads
}

// takes reports whether a frame belongs to the read.
func (r *Read) takes(pack, frame int, frames []snapshot.Frame, partSize int64) bool {
	if pack != r.Pack {
		return false
	}
	gap := fetch.StoredSize(frames, r.End, frame)
	return gap <= maxGap && r.Bytes+gap < partSize
}
