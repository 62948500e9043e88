package snapshot

import "fmt"

// What extents may take from one frame: they can name the same bytes any number of times.
const (
	// MaxFrameUse is how many bytes all extents together take from a frame at most, and
	// MaxAmplification more for each byte that it is stored in. A frame is read, and proven by its
	// hash, before anything of it is written, so that what fills a disk has to be stored. The bytes
	// that a frame decodes to are no measure, since zeros take next to none.
	MaxFrameUse      = 64 << 30
	MaxAmplification = 1000
)

// checkUse makes sure that a small snapshot does not fill a disk.
func (m *Manifest) checkUse() error {
	first := FirstFrames(m.Packs)
	used := make([]int64, first[len(m.Packs)]) // 2^47 at most
	for i := range m.Outputs {
		for _, e := range m.Outputs[i].Extents {
			used[first[e.Pack]+e.Frame] += int64(e.Len)
		}
	}
	for i, p := range m.Packs {
		for f, frame := range p.Frames {
			if n := used[int(first[i])+f]; n > MaxFrameUse+MaxAmplification*frame.Size {
				return fmt.Errorf("%w: outputs take %d bytes from a frame of %d", ErrCorrupt, n, frame.Size)
			}
		}
	}
	return nil
}
