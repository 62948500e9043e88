package snapshot

// Packs returns the packs that were added so far. They must not be changed.
func (b *Builder) Packs() []Pack { return b.packs[:len(b.packs):len(b.packs)] }
