package snapshot

// Packs returns the packs that were added so far. They must not be changed.
func (b *Builder) Packs() []Pack { return b.packs[:len(b.packs):len(b.packs)] }

// Used says how many bytes of each pack the outputs that were added have, those that several share
// as often.
func (b *Builder) Used() []int64 {
	used := make([]int64, len(b.packs))
	for i := range b.outputs {
		for _, e := range b.outputs[i].Extents {
			used[e.Pack] += int64(e.Len)
		}
	}
	return used
}
