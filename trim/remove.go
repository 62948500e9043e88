package trim

import (
	"context"
	"errors"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
)

// checkEvery is after how many build entries running go commands are looked for again: they are removed in some
// ten microseconds each, a look takes some milliseconds.
const checkEvery = 100

// living counts the entries that name each output and stay.
func (t *trimming) living() map[buildcache.ID]int {
	n := map[buildcache.ID]int{}
	for _, th := range t.things {
		if th.what == anEntry && !th.drop {
			n[t.inv.Entries[th.entry].Output]++
		}
	}
	return n
}

// countPlan fills in the result of a dry run.
func (t *trimming) countPlan() {
	living, gone := t.living(), map[buildcache.ID]bool{}
	for i := range t.things {
		th := &t.things[i]
		if th.what == anEntry && th.drop {
			out := t.inv.Entries[th.entry].Output
			t.res.Build.Dropped.Count++
			if living[out] == 0 && !gone[out] {
				gone[out] = true
				t.res.Build.Dropped.Bytes += th.Size
			}
			t.list(th)
			continue
		}
		t.countModule(th, nil)
	}
	t.countKept(living)
	if t.build != nil {
		for _, o := range t.orphans() {
			t.res.Build.Dropped.Bytes += o.Size
		}
	}
}

// countKept sums the entries that stay, each output once.
func (t *trimming) countKept(living map[buildcache.ID]int) {
	for out, n := range living {
		t.res.Build.Kept.Count += n
		t.res.Build.Kept.Bytes += t.inv.Outputs[out].Size
	}
}

// countModule counts a version, a clone or a graph file, and what came of removing it.
func (t *trimming) countModule(th *thing, err error) {
	switch {
	case th.what == anEntry, th.what == aGraph && !th.drop:
	case err != nil:
		t.res.Modules.Skipped.Add(th.Size)
	case th.what == aGraph:
		t.res.Graph.Add(0)
	case th.drop:
		t.res.Modules.Dropped.Add(th.Size)
		t.list(th)
	default:
		t.res.Modules.Kept.Add(th.Size)
	}
}

// execute removes what goes: modules first, which give the most for each step.
func (t *trimming) execute(ctx context.Context) error {
	err := t.removeModules(ctx)
	if t.build != nil {
		living := t.living()
		t.countKept(living)
		if err == nil {
			err = t.removeEntries(ctx, living)
		}
	}
	return err
}

func (t *trimming) removeModules(ctx context.Context) (err error) {
	if t.mods == nil {
		return nil
	}
	stage, err := t.mods.NewStage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	for i := range t.things {
		th := &t.things[i]
		if th.what == anEntry {
			continue
		}
		var failed error
		if th.drop {
			if err := errors.Join(ctx.Err(), t.idle()); err != nil {
				return err
			}
			failed = t.removeModule(stage, th)
		}
		t.countModule(th, failed)
	}
	return nil
}

// removeModule removes one version or clone, and gives the disk its bytes back. The .mod of a version stays, others may need it;
// it goes later, when nobody has read it for as long.
func (t *trimming) removeModule(stage *modcache.Stage, th *thing) error {
	var err error
	if th.what == aClone {
		err = stage.RemoveClone(th.name)
	} else {
		err = stage.Remove(th.version, th.what == aGraph)
	}
	if err == nil {
		err = stage.Clear()
	}
	if err != nil {
		t.warn("%v", err)
	}
	return err
}

// removeEntries removes action entries, then the outputs that none names any more. living is corrected by those that were used meanwhile.
func (t *trimming) removeEntries(ctx context.Context, living map[buildcache.ID]int) error {
	var outputs []buildcache.Output
	seen := map[buildcache.ID]bool{}
	for i := range t.things {
		th := &t.things[i]
		if th.what != anEntry || !th.drop {
			continue
		}
		if (t.res.Build.Dropped.Count+t.res.Build.Skipped.Count)%checkEvery == 0 {
			if err := errors.Join(ctx.Err(), t.idle()); err != nil {
				return err
			}
		}
		e := t.inv.Entries[th.entry]
		gone, err := t.build.DiscardAction(e)
		if err != nil || !gone {
			if err != nil {
				t.warn("%v", err)
			}
			t.res.Build.Skipped.Add(th.Size)
			living[e.Output]++
			continue
		}
		t.res.Build.Dropped.Count++
		t.list(th)
		if !seen[e.Output] {
			seen[e.Output] = true
			outputs = append(outputs, t.inv.Outputs[e.Output])
		}
	}
	return t.removeOutputs(ctx, outputs, living)
}

func (t *trimming) removeOutputs(ctx context.Context, outputs []buildcache.Output, living map[buildcache.ID]int) error {
	for i, o := range append(outputs, t.orphans()...) {
		if i%checkEvery == 0 {
			if err := errors.Join(ctx.Err(), t.idle()); err != nil {
				return err
			}
		}
		if living[o.ID] > 0 {
			continue
		}
		gone, err := t.build.DiscardOutput(o)
		if err != nil {
			t.warn("%v", err)
		}
		if gone {
			t.res.Build.Dropped.Bytes += o.Size
		}
	}
	for _, b := range t.inv.Broken {
		if _, err := t.build.DiscardBroken(b, t.now.Add(-grace).UnixNano()); err != nil {
			t.warn("%v", err)
		}
	}
	return nil
}

// orphans are the outputs that no entry named at the scan, and that are older than what a go command may be writing.
func (t *trimming) orphans() (list []buildcache.Output) {
	named := map[buildcache.ID]bool{}
	for _, e := range t.inv.Entries {
		named[e.Output] = true
	}
	for id, o := range t.inv.Outputs {
		if !named[id] && o.Time < t.now.Add(-grace).UnixNano() {
			list = append(list, o)
		}
	}
	return list
}
