package snapshot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
)

// TestAmplification: extents may repeat, but not so often that a few stored bytes could fill a
// disk.
func TestAmplification(t *testing.T) {
	const frame = 16 << 20
	for _, c := range []struct {
		extents int
		stored  int64 // bytes added to the pack
		ok      bool
	}{
		{snapshot.MaxFrameUse / frame, 0, true},
		{snapshot.MaxFrameUse/frame + 1, 0, false}, // the frame has 100 bytes
		{snapshot.MaxFrameUse/frame + 1, 17000, true},
		{5000, frame, true},
		{1 << 18, 0, false},
		{1 << 18, 1 << 20, false},
	} {
		m := sampleManifest()
		m.Packs[0].Frames[0].Raw = frame
		m.Packs[0].Frames[0].Size += c.stored
		m.Packs[0].Size += c.stored
		o := &m.Outputs[1]
		o.Size = int64(c.extents) * frame
		o.Extents = slices.Repeat([]snapshot.Extent{{Len: frame}}, c.extents)
		m.Packs[0].Raw += frame
		// Packs that the manifest does not use do not count, whatever it says about them.
		m.Packs = append(m.Packs, snapshot.Pack{
			Object: snapshot.PackObject("r", "zzz", m.Outputs[0].ID), Chunks: 1, Size: 2 * frame,
			Frames: []snapshot.Frame{{Size: frame, Raw: frame}, {Size: frame, Raw: 33}},
		})
		_, err := m.Encode()
		if c.ok && err != nil || !c.ok && (!errors.Is(err, snapshot.ErrCorrupt) || !strings.Contains(err.Error(), "from a frame of")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
