package save

import (
	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

// Largest lists what takes the most room in the snapshot, the largest first.
type Largest struct {
	Modules []snapshot.Sized `json:"modules,omitempty"`
	Outputs []LargeOutput    `json:"outputs,omitempty"` // the largest of those that are here
}

// LargeOutput is a build output, or several of one kind and name.
type LargeOutput = build.LargeOutput

// listedLargest is how many are listed.
const listedLargest = 10

// result adds to what was done what is known of every save, also of one that failed early.
func (j job) result(res *Result) *Result {
	res.Key = j.Keys.Key.String()
	res.BytesUploaded, res.BytesRead = j.Meter.Bytes.Load(), j.Meter.Disk.Load()
	res.Seconds = j.Now().Sub(j.start).Seconds()
	res.Transferred, res.Phases = j.Meter.Transferred(), report.InSeconds(j.Meter.Phases())
	res.Requests = j.Store.Requests()
	res.Warnings, res.Objects = j.log.read()
	return res
}

// countUploads counts what became of modules, and the packs. What is in packs is counted from the
// manifest.
func (res *Result) countUploads(done []collect.Outcome) {
	for _, d := range done {
		switch {
		case d.Object == "":
		case d.Pack.Object != "":
			res.Packs.Uploaded++
		case d.Failed:
			res.Modules.Skipped++
		case d.Uploaded:
			res.Modules.Uploaded++
		default:
			res.Modules.Stored++
		}
	}
}

// summarize fills in the result from the snapshot that now holds under the exact key. One that was
// not written has no trend of its own.
func (j job) summarize(res *Result, g gathered, pub published, done []collect.Outcome) {
	plan, m := pub.plan, pub.plan.manifest
	plan.trim.warnUsed(j.log.warn)
	size := m.Size()
	res.Trim, res.Timed, res.Withheld, res.Unused, res.Foreign = plan.trim, g.timed, g.withheld, g.unused, g.foreign
	res.StoredBytes, res.After, res.Reuse, res.Trend = size.Stored, &size, g.reuse, m.Trend
	if list := g.facts.stock.Manifests(); len(list) > 0 {
		before := list[0].Size()
		res.Before = &before
		if len(m.Trend) == 0 {
			res.Trend = list[0].Trend
		}
	}
	if j.Describe {
		res.Largest = &Largest{Modules: m.LargestModules(listedLargest), Outputs: largest(g.facts, m)}
	}
	res.Differs = j.warnBuiltWith(g.reuse)
	res.count(plan, done, g.facts.added)
	res.Modules.Skipped += g.skippedModules
	res.Build.Skipped += g.unreadable
}

func largest(f facts, m *snapshot.Manifest) []LargeOutput {
	l, ok := f.kinds[kindBuild].(build.Local)
	if !ok {
		return nil
	}
	return l.Largest(m, listedLargest)
}

// added reports whether this save has added an output to what is stored, even if all parts of it
// were stored already.
func (f facts) added(o *snapshot.Output) bool {
	l, ok := f.kinds[kindBuild].(build.Local)
	if !ok {
		return false
	}
	_, known := f.stock.Find(&o.ID)
	return l.Placed(o.ID) || o.Size == 0 && !known
}

// count fills in what became of the content of each kind: files in a pack of this save were
// uploaded by it, and so were outputs that it added.
func (res *Result) count(plan planned, done []collect.Outcome, added func(*snapshot.Output) bool) {
	m := plan.manifest
	packs, modules := map[string]bool{}, map[string]bool{}
	for _, d := range done {
		switch {
		case d.Pack.Object != "":
			packs[d.Pack.Object] = true
		case d.Uploaded:
			modules[d.Stored()[0]] = true
		}
	}
	res.Packs.Uploaded = len(packs)
	isNew := make([]bool, len(m.Packs))
	for i, p := range m.Packs {
		if isNew[i] = packs[p.Object]; !isNew[i] {
			res.Packs.Stored++
		}
	}
	res.Modules.Stored = 0 // of the outcomes: those of the snapshot are more
	for _, mod := range m.Modules {
		if !modules[mod.Object] {
			res.Modules.Stored++
		}
	}
	for _, a := range m.Actions {
		res.Build.add(added(&m.Outputs[a.Output]))
	}
	for _, p := range m.Paths {
		for _, f := range p.Files {
			res.Files.add(isNew[f.Pack])
		}
	}
	parts := plan.parts
	res.Build.Trimmed, res.Build.Skipped = parts[kindBuild].Trimmed, parts[kindBuild].Missing
	res.Files.Trimmed, res.Files.Skipped = parts[kindPaths].Trimmed, parts[kindPaths].Missing
	res.Modules.Trimmed = parts[kindModules].Trimmed
}

func (c *Counts) add(isNew bool) {
	if isNew {
		c.Uploaded++
	} else {
		c.Stored++
	}
}

// fewReused says when it is worth telling that the job was built with other things than the
// snapshot: it made at least one entry for so many that it reused. With fewer the go command may
// have been given flags that make up for the difference, such as -trimpath.
const fewReused = 10

// warnBuiltWith says why the job made so much anew, if the snapshot that it restored was made with
// other things. It does not repeat what restore has said.
func (j job) warnBuiltWith(u *Reuse) (differs []string) {
	if u == nil || u.Made == 0 || u.Made*fewReused < u.Reused || len(j.State.Differs) == 0 {
		return nil
	}
	if j.State.ToldDiffers {
		return j.State.Differs
	}
	j.log.warn("the job made %d build entries and reused %d: the snapshot that it restored was saved %s", u.Made, u.Reused, buildenv.Explain(j.State.Differs))
	return j.State.Differs
}
