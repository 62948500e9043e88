package build

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// writer writes the outputs of one Read from its frames. Pending outputs are in the order of the
// pack; at most one output, the last one begun, continues in the next frame. Not safe for
// concurrent use.
type writer struct {
	in      *installer
	out     *install.Outcome // of the job
	pending []int
	open    *buildcache.Writer
	output  int       // the one that is open
	left    int64     // bytes that it still lacks
	sum     hash.Hash // of its bytes; nil: they are not verified
}

// next is the first pending output.
func (w *writer) next() snapshot.Output { return w.in.manifest.Outputs[w.pending[0]] }

// wants reports whether frame f holds bytes of a pending output.
func (w *writer) wants(f int) bool {
	return w.open != nil || len(w.pending) > 0 && w.next().Frame == f
}

// abort removes an output that will not become whole.
func (w *writer) abort() {
	if w.open != nil {
		w.open.Abort()
		w.open = nil
	}
}

// lose gives up all outputs that are not complete yet. It returns an error if the store failed as a
// whole, rather than this object.
func (w *writer) lose(object string, err error) error {
	if store.IsFailure(err) {
		return install.StoreError(object, err)
	}
	kind := install.KindOf(err)
	w.out.Damage(object, -1, err.Error(), kind)
	if w.open != nil {
		w.loseOutput(w.output, kind)
	}
	for _, o := range w.pending {
		w.loseOutput(o, kind)
	}
	return nil
}

// skip gives up the outputs that have bytes in a damaged frame.
func (w *writer) skip(f int, kind string) {
	if w.open != nil {
		w.loseOutput(w.output, kind)
		w.abort()
	}
	for len(w.pending) > 0 && w.next().Frame <= f {
		w.loseOutput(w.pending[0], kind)
		w.pending = w.pending[1:]
	}
}

// loseOutput counts the actions of an output as lost.
func (w *writer) loseOutput(output int, kind string) { w.out.Lose(len(w.in.actions.of(output)), kind) }

// frame writes the bytes of pending outputs that frame f holds.
func (w *writer) frame(f int, raw []byte) error {
	if w.open != nil {
		if err := w.more(raw[:min(w.left, int64(len(raw)))]); err != nil {
			return err
		}
	}
	for len(w.pending) > 0 && w.next().Frame == f {
		i, o := w.pending[0], w.next()
		w.pending = w.pending[1:]
		if err := w.begin(i, o); err != nil {
			return err
		}
		if err := w.more(raw[o.Off:min(o.Off+o.Size, int64(len(raw)))]); err != nil {
			return err
		}
	}
	return nil
}

// begin creates the file of an output. One that has appeared in the meantime is left alone: another
// process restored it, or the go command built it.
func (w *writer) begin(i int, o snapshot.Output) (err error) {
	w.output, w.left = i, o.Size
	if w.in.stuck[o.ID] {
		w.loseOutput(i, install.KindDisk)
		return nil
	}
	if w.in.verify {
		w.sum = sha256.New()
	}
	local := buildcache.Output{ID: o.ID, Size: o.Size, Exec: o.Exec}
	w.open, err = w.in.cache.CreateOutput(local, w.in.env.Aged(w.in.lastUse(i)))
	if err == nil {
		return nil
	}
	w.open = nil
	if errors.Is(err, fs.ErrExist) {
		return w.in.putActions(w.out, w.in.actions.of(i))
	}
	return w.failed(err)
}

// more writes the next bytes of the open output, and its actions once it is complete.
func (w *writer) more(p []byte) error {
	if w.open == nil || !w.check(p) {
		return nil
	}
	if _, err := w.open.Write(p); err != nil {
		w.abort()
		return w.failed(err)
	}
	w.in.env.Fetch.Meter.Disk.Add(int64(len(p)))
	if w.left -= int64(len(p)); w.left > 0 {
		return nil
	}
	err := w.open.Close()
	w.open = nil
	if err != nil {
		return w.failed(err)
	}
	w.in.env.Fetch.Meter.Files.Add(1)
	return w.in.putActions(w.out, w.in.actions.of(w.output))
}

// check hashes the next bytes of the open output. It reports false for the last of them if the
// output does not match its name: without them the file is too short, and no go command uses it.
func (w *writer) check(p []byte) bool {
	if w.sum == nil {
		return true
	}
	w.sum.Write(p)
	if int64(len(p)) < w.left {
		return true
	}
	o := w.in.manifest.Outputs[w.output]
	if digest.ID(w.sum.Sum(nil)) == o.ID {
		return true
	}
	w.out.Damage(w.in.manifest.Packs[o.Pack].Object, o.Frame,
		fmt.Sprintf("output %s is not what it is named by", o.ID), install.KindRefused)
	w.loseOutput(w.output, install.KindRefused)
	w.abort()
	return false
}

// failed handles an error that concerns the file of the output begun last.
func (w *writer) failed(err error) error {
	id := w.in.manifest.Outputs[w.output].ID
	return w.in.failed(w.out, fmt.Sprintf("output %s", id), id, len(w.in.actions.of(w.output)), err)
}
