package trim

import (
	"context"
	"errors"

	"github.com/org/gocache-action/internal/modcache"
)

// checkEvery is after how many build entries running go commands are looked for again: they are
// removed in some ten microseconds each, a look takes some milliseconds.
const checkEvery = 100

// living counts the entries that name each output and stay, by its index in the inventory.
func (t *trimming) living() []int32 {
	if t.inv == nil {
		return nil
	}
	n := make([]int32, len(t.inv.Outputs))
	for i := range t.things {
		if th := &t.things[i]; th.what == anEntry && !th.drop {
			n[th.Content]++
		}
	}
	return n
}

// countPlan fills in the result of a dry run.
func (t *trimming) countPlan() {
	living := t.living()
	gone := make([]bool, len(living))
	for i := range t.things {
		th := &t.things[i]
		if th.what == anEntry && th.drop {
			t.res.Build.Dropped.Count++
			if living[th.Content] == 0 && !gone[th.Content] {
				gone[th.Content] = true
				t.res.Build.Dropped.Bytes += th.Size
			}
			t.list(th)
			continue
		}
		t.countModule(th, nil)
	}
	t.countKept(living)
	if t.build != nil {
		for _, i := range t.orphans() {
			t.res.Build.Dropped.Bytes += t.inv.Outputs[i].Size
		}
	}
}

// countKept sums the entries that stay, each output once.
func (t *trimming) countKept(living []int32) {
	for i, n := range living {
		if n > 0 {
			t.res.Build.Kept.Count += int(n)
			t.res.Build.Kept.Bytes += t.inv.Outputs[i].Size
		}
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
		t.warn("module cache: %v", err)
		err = nil
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

// removeModule removes one version or clone, and gives the disk its bytes back. The .mod of a
// version stays, others may need it; it goes later, when nobody has read it for as long.
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

// removeEntries removes action entries, then the outputs that none names any more. living is
// corrected by those that were used meanwhile.
func (t *trimming) removeEntries(ctx context.Context, living []int32) error {
	var outputs []int32
	seen := make([]bool, len(living))
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
			living[th.Content]++
			continue
		}
		t.res.Build.Dropped.Count++
		t.list(th)
		if !seen[th.Content] {
			seen[th.Content] = true
			outputs = append(outputs, th.Content)
		}
	}
	return t.removeOutputs(ctx, outputs, living)
}

func (t *trimming) removeOutputs(ctx context.Context, outputs, living []int32) error {
	for n, i := range append(outputs, t.orphans()...) {
		if n%checkEvery == 0 {
			if err := errors.Join(ctx.Err(), t.idle()); err != nil {
				return err
			}
		}
		if living[i] > 0 || len(t.inv.Unread) > 0 { // what could not be read may name it
			continue
		}
		o := t.inv.Outputs[i]
		gone, err := t.build.DiscardOutput(o)
		if err != nil {
			t.warn("%v", err)
		}
		if gone {
			t.res.Build.Dropped.Bytes += o.Size
		}
	}
	before := t.now.Add(-grace).UnixNano()
	for _, b := range t.inv.Broken {
		if _, err := t.build.DiscardBroken(b, before); err != nil {
			t.warn("%v", err)
		}
	}
	for _, name := range t.inv.Partial {
		if _, err := t.build.DiscardPartial(name, before); err != nil {
			t.warn("%v", err)
		}
	}
	return nil
}

// orphans are the outputs that no entry named at the scan, and that are older than what a go
// command may be writing; by their index.
func (t *trimming) orphans() (list []int32) {
	if len(t.inv.Unread) > 0 {
		return nil // entries that cannot be read may name them
	}
	named := make([]bool, len(t.inv.Outputs))
	for i := range t.things {
		if th := &t.things[i]; th.what == anEntry {
			named[th.Content] = true
		}
	}
	for i, o := range t.inv.Outputs {
		if !named[i] && o.Time < t.now.Add(-grace).UnixNano() {
			list = append(list, int32(i))
		}
	}
	return list
}
