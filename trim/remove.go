package trim

import (
	"context"
	"errors"
	"syscall"

	"github.com/org/gocache-action/internal/modcache"
)

// living counts, for each output by its index in the inventory, the entries that name it and stay.
func (t *trimming) living() []int32 {
	if t.inv == nil {
		return nil
	}
	n := make([]int32, len(t.inv.Outputs))
	for i := range t.candidates {
		if cand := &t.candidates[i]; cand.what == anEntry && !cand.drop {
			n[cand.Content]++
		}
	}
	return n
}

// countPlan fills in the result of a dry run.
func (t *trimming) countPlan() {
	living := t.living()
	gone := make([]bool, len(living))
	for i := range t.candidates {
		cand := &t.candidates[i]
		if cand.what == anEntry && cand.drop {
			t.res.Build.Dropped.Count++
			if living[cand.Content] == 0 && !gone[cand.Content] {
				gone[cand.Content] = true
				t.res.Build.Dropped.Bytes += cand.Size
			}
			t.list(cand)
			continue
		}
		t.countModule(cand, nil)
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

// countModule counts a version, a clone or the graph files of a version, according to the result of
// removing it.
func (t *trimming) countModule(cand *candidate, err error) {
	switch {
	case cand.what == anEntry, cand.what == aGraph && !cand.drop:
	case err != nil:
		t.res.Modules.Skipped.Add(cand.Size)
	case cand.what == aGraph:
		t.res.Graph.Add(0)
	case cand.drop:
		t.res.Modules.Dropped.Add(cand.Size)
		t.list(cand)
	default:
		t.res.Modules.Kept.Add(cand.Size)
	}
}

// execute removes what is dropped: modules first, since each of them frees the most space.
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
	for i := range t.candidates {
		cand := &t.candidates[i]
		if cand.what == anEntry {
			continue
		}
		var failed error
		if cand.drop {
			if err := ctx.Err(); err != nil {
				return err
			}
			if failed = t.usedMeanwhile(cand); failed == nil {
				failed = t.removeModule(stage, cand)
			}
		}
		t.countModule(cand, failed)
	}
	return nil
}

// removeModule removes one version or clone, and frees its space. The .mod of a version stays,
// since other module graphs may need it; it is removed later, when no graph has read it for the
// same time.
func (t *trimming) removeModule(stage *modcache.Stage, cand *candidate) error {
	var err error
	if cand.what == aClone {
		err = stage.RemoveClone(cand.name)
	} else {
		err = stage.Remove(cand.version, cand.what == aGraph)
	}
	if err == nil {
		err = stage.Clear()
	}
	switch {
	case errors.Is(err, syscall.EXDEV):
		// An overlay file system does not rename a directory of a lower layer, as that of an image.
		if t.layered++; t.layered == 1 {
			t.warn("module cache: %v; what lies in an image, as this does, stays: removing it would free nothing", err)
		}
	case err != nil:
		t.warn("%v", err)
	}
	return err
}

// looksEvery is after how many entries trim looks for go commands again, if it has to.
const looksEvery = 64

// removeEntries removes action entries, then the outputs that no entry names any more. It adds
// entries that were used meanwhile to living.
func (t *trimming) removeEntries(ctx context.Context, living []int32) error {
	var outputs []int32
	looked, busy := 0, error(nil)
	seen := make([]bool, len(living))
	for i := range t.candidates {
		cand := &t.candidates[i]
		if cand.what != anEntry || !cand.drop {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e := t.inv.Entries[cand.entry]
		if t.sharing.hidden && looked%looksEvery == 0 {
			busy = t.restStays("build cache", busy == nil)
		}
		looked++
		if busy != nil {
			t.res.Build.Skipped.Add(cand.Size)
			living[cand.Content]++
			continue
		}
		gone, err := t.build.DiscardAction(e, t.sharing.among != "")
		if err != nil || !gone {
			if err != nil {
				t.warn("%v", err)
			}
			t.res.Build.Skipped.Add(cand.Size)
			living[cand.Content]++
			continue
		}
		t.res.Build.Dropped.Count++
		t.list(cand)
		if !seen[cand.Content] {
			seen[cand.Content] = true
			outputs = append(outputs, cand.Content)
		}
	}
	return t.removeOutputs(ctx, outputs, living)
}

func (t *trimming) removeOutputs(ctx context.Context, outputs, living []int32) error {
	for _, i := range append(outputs, t.orphans()...) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if living[i] > 0 || t.unread { // an unread entry may name it
			continue
		}
		o := t.inv.Outputs[i]
		if t.sparesEntry(o.Time) { // another action may have the same output
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
	before := t.now.Add(-grace).UnixNano()
	for _, b := range t.inv.Broken {
		if b.Unreadable {
			continue
		}
		if _, err := t.build.DiscardBroken(b, before); err != nil {
			t.warn("%v", err)
		}
	}
	return t.removePartial(ctx, before)
}

// maxLocked is after how many partial outputs that cannot be removed no more are tried: on Windows
// each takes some time to give up on.
const maxLocked = 20

// removePartial removes partial outputs that restores left behind when they were killed.
func (t *trimming) removePartial(ctx context.Context, before int64) error {
	owners := t.build.FindOwners()
	defer owners.Close()
	locked := 0
	for _, name := range t.inv.Partial {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := owners.Discard(name, before); err != nil {
			t.warn("%v", err)
			if locked++; locked == maxLocked {
				break
			}
		}
	}
	return nil
}

// orphans are the indexes of the outputs that no entry named at the scan, and that are too old for
// a go command to be writing them.
func (t *trimming) orphans() (list []int32) {
	if t.unread {
		return nil // unread entries may name them
	}
	named := make([]bool, len(t.inv.Outputs))
	for i := range t.candidates {
		if cand := &t.candidates[i]; cand.what == anEntry {
			named[cand.Content] = true
		}
	}
	for i, o := range t.inv.Outputs {
		if !named[i] && o.Time < t.now.Add(-grace).UnixNano() {
			list = append(list, int32(i))
		}
	}
	return list
}
