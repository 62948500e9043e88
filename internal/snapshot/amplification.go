package snapshot

import "fmt"

// What outputs may add up to: extents can name the same frame any number of times.
const (
	// MaxOutputs is how many bytes the outputs of a manifest have at most, and MaxAmplification
	// more for each byte that is stored in packs of chunks: what can fill a disk has to be stored
	// first. The bytes that frames decode to are no measure, since zeros take next to none.
	MaxOutputs       = 64 << 30
	MaxAmplification = 1000
)

// checkSum makes sure that a small snapshot does not fill a disk.
func (m *Manifest) checkSum() error {
	var raw, stored int64 // 2^47 and 2^44 at most
	for i := range m.Outputs {
		raw += m.Outputs[i].Size
	}
	for _, p := range m.Packs {
		if p.Chunks > 0 {
			stored += p.Size
		}
	}
	if raw > MaxOutputs+MaxAmplification*stored {
		return fmt.Errorf("%w: outputs of %d bytes in packs of %d", ErrCorrupt, raw, stored)
	}
	return nil
}
