package restore

import (
	"fmt"

	"github.com/org/gocache-action/internal/osfile"
)

// kindLocked is the kind of a loss for which only this machine is to blame: another program had the
// file open for longer than osfile waits. The stored object is whole, so nothing is fetched again,
// and the next save has nothing to mend.
const kindLocked = "locked"

// maxLocked is how many files may be locked until that counts as a failure of the disk: a directory
// that nobody may write to looks the same on Windows, and each file is waited for.
const maxLocked = 20

// leaveLocked notes that what could not be put in place, and gives up when that is so of too many.
func (r *run) leaveLocked(what string, err error) error {
	var n int
	r.tally.add(func() {
		r.tally.locked++
		n = r.tally.locked
		r.tally.losses = append(r.tally.losses, Loss{What: what, Reason: err.Error(), Kind: kindLocked})
	})
	if n > maxLocked {
		return local(fmt.Errorf("%d files cannot be written: %s: %w", n, what, err))
	}
	return nil
}

// failed deals with an error of the file of the output that was begun last.
func (w *outputWriter) failed(err error) error {
	if !osfile.IsLocked(err) {
		return w.run.tolerate(&w.run.buildPart, shard(w.run.manifest().Outputs[w.output].ID), "build cache: directory "+shard(w.run.manifest().Outputs[w.output].ID), err,
			func() { w.run.loseOutput(w.output, kindDisk) })
	}
	w.run.loseOutput(w.output, kindLocked)
	return w.run.leaveLocked(fmt.Sprintf("output %x", w.run.manifest().Outputs[w.output].ID), err)
}
