package build

import (
	"sync"
	"sync/atomic"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

// assembly knows how far outputs are that lie in several frames, which are decoded in any order and
// in parallel. Their files are opened for each frame anew: there can be more of them than a process
// may have open. Safe for concurrent use; it takes 8 bytes for each output of the manifest.
type assembly struct {
	files buildcache.Partials
	// locks[i%len(locks)] guards progress[i], and the file of output i. Extents of one output wait
	// for each other, as they would for the file system.
	locks    [1 << 10]sync.Mutex
	progress []progress
	locked   atomic.Int32 // files that could not be removed, as other programs keep them open
}

// progress is how far one output is. The zero value says that nothing is known of any extent.
type progress struct {
	known int32 // how many extents are written or lost
	stage stage
}

type stage uint8

const (
	untouched stage = iota
	begun           // there is a partial file
	over            // there is none any more: the output has its name, or is lost
)

func newAssembly(c *buildcache.Cache, m *snapshot.Manifest) *assembly {
	return &assembly{files: c.NewPartials(), progress: make([]progress, len(m.Outputs))}
}

// change calls f with the progress of an output, which nobody else changes meanwhile.
func (a *assembly) change(output int32, f func(*progress)) {
	mu := &a.locks[int(output)%len(a.locks)]
	mu.Lock()
	defer mu.Unlock()
	f(&a.progress[output])
}

// end removes the files of all outputs that did not become whole. No extent may be written
// anymore. What cannot be removed is left to a later restore.
func (a *assembly) end(m *snapshot.Manifest) {
	a.removeAll(m)
	_ = a.files.Close()
}

// removeAll removes files until too many are kept open.
func (a *assembly) removeAll(m *snapshot.Manifest) {
	for i := range a.progress {
		a.change(int32(i), func(p *progress) {
			if p.stage != begun || a.locked.Load() >= maxLocked {
				return
			}
			if err := a.files.Remove(localOutput(m.Outputs[i])); osfile.IsLocked(err) {
				a.locked.Add(1)
			}
			p.stage = over
		})
	}
}

// localOutput is an output as the cache knows it.
func localOutput(o snapshot.Output) buildcache.Output {
	return buildcache.Output{ID: o.ID, Size: o.Size, Exec: o.Exec}
}
