package build

import (
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/fetch"
)

// TestAllDamaged: reads of which every frame is damaged do not wait for each other, nor for their
// own frames that were read ahead, with memory for only one frame.
func TestAllDamaged(t *testing.T) {
	w := newShared(t)
	w.kind.PartSize = 1 << 20 // one read a pack
	for pack := range manyPacks {
		for frame := range manyFrames {
			w.damage(pack, frame)
		}
	}
	env := installtest.NewEnv(t, w.store, nil)
	env.Fetch.Frames, env.Fetch.Again = fetch.NewMemory(1), fetch.NewMemory(1)
	jobs, _ := w.begin(t, env)
	type result struct {
		out install.Outcome
		err error
	}
	ended := make(chan result)
	go func() {
		out, err := runAll(t.Context(), jobs, 1)
		ended <- result{out, err}
	}()
	select {
	case r := <-ended:
		want := install.Counts{Restored: 1, Refused: len(w.contents) - 1} // one is empty
		if r.err != nil || r.out.Counts != want || len(r.out.Damages) != manyPacks*manyFrames {
			t.Errorf("%+v, %v", r.out.Counts, r.err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the reads wait for each other")
	}
	env.End()
}
