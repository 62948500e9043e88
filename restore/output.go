package restore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

// outputWriter writes the outputs of one packJob from its frames. pending is
// sorted by place; at most one output, the last begun, goes on in the next frame.
type outputWriter struct {
	run     *run
	pending []int
	open    *buildcache.Writer
	output  int // the open one
	left    int64
	sum     hash.Hash // of the open one; nil: not verified
}

// rest lists the outputs that are not whole yet.
func (w *outputWriter) rest() []int {
	if w.open != nil {
		return append([]int{w.output}, w.pending...)
	}
	return w.pending
}

// wants reports whether anything needed lies in frame f.
func (w *outputWriter) wants(f int) bool {
	return w.open != nil || len(w.pending) > 0 && w.run.manifest().Outputs[w.pending[0]].Frame == f
}

// abort removes an output that will not become whole.
func (w *outputWriter) abort() {
	if w.open != nil {
		w.open.Abort()
		w.open = nil
	}
}

// skip gives up what lies in a damaged frame.
func (w *outputWriter) skip(f int, kind string) {
	if w.open != nil {
		w.run.loseOutput(w.output, kind)
		w.abort()
	}
	for len(w.pending) > 0 && w.run.manifest().Outputs[w.pending[0]].Frame <= f {
		w.run.loseOutput(w.pending[0], kind)
		w.pending = w.pending[1:]
	}
}

// frame writes what frame f holds.
func (w *outputWriter) frame(f int, raw []byte) error {
	if w.open != nil {
		if err := w.more(raw[:min(w.left, int64(len(raw)))]); err != nil {
			return err
		}
	}
	m := w.run.manifest()
	for len(w.pending) > 0 && m.Outputs[w.pending[0]].Frame == f {
		i := w.pending[0]
		w.pending = w.pending[1:]
		o := m.Outputs[i]
		if err := w.begin(i, o); err != nil {
			return err
		}
		if err := w.more(raw[o.Off:min(o.Off+o.Size, int64(len(raw)))]); err != nil {
			return err
		}
	}
	return nil
}

// begin creates the file of an output. One that has appeared meanwhile is left
// alone: another process restores too, or the go command has built it.
func (w *outputWriter) begin(i int, o snapshot.Output) (err error) {
	w.output, w.left = i, o.Size
	if w.run.stuck[buildcache.ID(o.ID)] {
		w.run.loseOutput(i, kindDisk)
		return nil
	}
	if w.run.VerifyOutputs {
		w.sum = sha256.New()
	}
	w.open, err = w.run.build.CreateOutput(buildcache.Output{ID: o.ID, Size: o.Size, Exec: o.Exec}, w.run.aged(w.run.lastUse(i)))
	if errors.Is(err, fs.ErrExist) {
		w.open = nil
		return w.run.putActions(w.run.byOut.of(i))
	}
	if err != nil {
		w.open = nil
		return w.failed(err)
	}
	return nil
}

// more writes the next bytes of the open output, and its actions when it is whole.
func (w *outputWriter) more(p []byte) error {
	if w.open == nil || !w.check(p) {
		return nil
	}
	if _, err := w.open.Write(p); err != nil {
		w.abort()
		return w.failed(err)
	}
	w.run.Meter.Disk.Add(int64(len(p)))
	if w.left -= int64(len(p)); w.left > 0 {
		return nil
	}
	err := w.open.Close()
	w.open = nil
	if err != nil {
		return w.failed(err)
	}
	w.run.Meter.Files.Add(1)
	return w.run.putActions(w.run.byOut.of(w.output))
}

// lastUse is the newest use of the actions of an output.
func (r *run) lastUse(output int) (t int64) {
	for _, a := range r.byOut.of(output) {
		t = max(t, r.manifest().Actions[a].LastUse)
	}
	return t
}

// putActions writes action entries whose output is here.
func (r *run) putActions(actions []int32) error {
	m := r.manifest()
	put := 0
	for _, i := range actions {
		a := m.Actions[i]
		o := m.Outputs[a.Output]
		e := buildcache.Entry{Action: a.ID, Output: o.ID, Size: o.Size, Time: a.Time}
		err := r.build.PutAction(e, r.aged(a.LastUse))
		if osfile.IsLocked(err) {
			r.tally.add(func() { r.tally.build.lost(kindLocked) })
			if err := r.leaveLocked(fmt.Sprintf("action entry %x", a.ID), err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			err = r.tolerate(&r.buildPart, shard(a.ID), "build cache: directory "+shard(a.ID), err, func() {
				r.tally.add(func() { r.tally.build.lost(kindDisk) })
			})
			if err != nil {
				return err
			}
			continue
		}
		put++
		r.Meter.Files.Add(1)
		r.Meter.Disk.Add(int64(buildcache.EntrySize))
	}
	if put > 0 {
		r.buildPart.works()
	}
	r.tally.add(func() { r.tally.build.Restored += put })
	return nil
}

// shard is the directory of the build cache that an entry or output lies in.
func shard(id snapshot.ID) string { return fmt.Sprintf("%02x", id[0]) }
