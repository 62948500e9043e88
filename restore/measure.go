package restore

import (
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

// measure adds figures about the restore, for metrics and for the trend of the next save.
func (r *Result) measure(m *report.Meter, manifest *snapshot.Manifest) {
	r.Transferred, r.Phases = m.Transferred(), report.InSeconds(m.Phases())
	r.RefusedBytes = refusedBytes(manifest, r.State.Damaged)
	r.State.Seconds = r.Seconds
	for _, l := range r.Losses {
		if l.Kind == install.KindRefused {
			r.State.Refused++
		} else {
			r.State.Lost++
		}
	}
}

// refusedBytes sums up what was refused of the objects of a manifest, each frame and object once.
func refusedBytes(m *snapshot.Manifest, damages []jobstate.Damage) (n int64) {
	packs, modules := map[string]*snapshot.Pack{}, map[string]int64{}
	for i := range m.Packs {
		packs[m.Packs[i].Object] = &m.Packs[i]
	}
	for _, mod := range m.Modules {
		modules[mod.Object] = mod.Size
		if mod.Base != nil {
			modules[snapshot.DeltaObject(mod.Object)], modules[mod.Base.Object] = mod.Size, mod.Base.Size
		}
	}
	type place struct {
		object string
		frame  int
	}
	seen := map[place]bool{}
	for _, d := range damages {
		at := place{d.Object, d.Frame}
		if d.Kind != install.KindRefused || seen[at] || seen[place{d.Object, -1}] {
			continue
		}
		seen[at] = true
		switch p := packs[d.Object]; {
		case p == nil:
			n += modules[d.Object]
		case d.Frame >= 0 && d.Frame < len(p.Frames):
			n += p.Frames[d.Frame].Size
		default:
			n += p.Size
		}
	}
	return n
}
