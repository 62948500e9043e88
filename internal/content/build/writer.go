package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// writer writes what lies in the frames of one Read. An output of which all extents lie in one
// frame is written under its own name, in order, which costs least; any other is put together by
// the assembly. Not safe for concurrent use.
type writer struct {
	in    *installer
	out   *install.Outcome // of the job
	parts [][]byte         // reused
	// doubted are the frames that were noted already: many outputs can lie in the same ones
	doubted map[snapshot.Extent]bool
}

// maxParts is how many extents are handed to the system at once.
const maxParts = 1 << 10

// frame writes what lies in a frame. raw is its content.
func (w *writer) frame(ctx context.Context, list []ref, raw []byte) error {
	for len(list) > 0 {
		if ctx.Err() != nil { // thousands of outputs can have extents in one frame
			return store.Ended(ctx)
		}
		var one []ref
		one, list = firstOutput(list)
		write := w.part
		if len(one) == len(w.output(one).Extents) {
			write = w.whole
		}
		if err := write(one, raw); err != nil {
			return err
		}
	}
	return nil
}

// lose gives up the outputs that have extents in a frame.
func (w *writer) lose(list []ref, kind string) {
	for len(list) > 0 {
		var one []ref
		one, list = firstOutput(list)
		i := one[0].output
		if len(one) == len(w.output(one).Extents) {
			w.loseOutput(i, kind)
			continue
		}
		w.in.assembly.change(i, func(p *progress) {
			p.known += int32(len(one))
			if p.stage != over {
				w.drop(i, p)
				w.loseOutput(i, kind)
			}
		})
	}
}

// output is the one that extents belong to.
func (w *writer) output(one []ref) *snapshot.Output { return &w.in.manifest.Outputs[one[0].output] }

// loseOutput counts the actions of an output as lost.
func (w *writer) loseOutput(i int32, kind string) { w.out.Lose(len(w.in.actions.of(int(i))), kind) }

// drop removes the file of an output that will not become whole.
func (w *writer) drop(i int32, p *progress) {
	if p.stage == begun {
		_ = w.in.assembly.files.Remove(localOutput(w.in.manifest.Outputs[i]))
	}
	p.stage = over
}

// failed handles an error that concerns the file of an output.
func (w *writer) failed(i int32, err error) error {
	id := w.in.manifest.Outputs[i].ID
	return w.in.failed(w.out, fmt.Sprintf("output %s", id), id, len(w.in.actions.of(int(i))), err)
}

// failedBegun is failed for an output of which there was a file. If that vanished, somebody removes
// files of the cache, and it says nothing about the directory.
func (w *writer) failedBegun(i int32, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return w.failed(i, err)
	}
	if !w.in.gone.Swap(true) {
		id := w.in.manifest.Outputs[i].ID
		w.out.Name(fmt.Sprintf("output %s, perhaps more", id), "another program removed what was written: "+err.Error(), install.KindDisk)
	}
	w.loseOutput(i, install.KindDisk)
	return nil
}

// done writes the actions of an output that is whole.
func (w *writer) done(i int32) error { return w.in.putActions(w.out, w.in.actions.of(int(i))) }

// wrote counts an output that has got its name.
func (w *writer) wrote() { w.in.env.Fetch.Meter.Files.Add(1) }

// isStuck counts an output as lost if a wrong one at its place could not be removed.
func (w *writer) isStuck(i int32) bool {
	if !w.in.stuck[w.in.manifest.Outputs[i].ID] {
		return false
	}
	w.loseOutput(i, install.KindDisk)
	return true
}

// collect returns the bytes of the first extents, at most maxParts of them, and their length.
func (w *writer) collect(list []ref, raw []byte) (parts [][]byte, n int64) {
	w.parts = w.parts[:0]
	for _, p := range list[:min(len(list), maxParts)] {
		e := w.in.manifest.Outputs[p.output].Extents[p.extent]
		w.parts = append(w.parts, raw[e.Off:e.Off+e.Len])
		n += int64(e.Len)
	}
	return w.parts, n
}

// whole writes an output of which all extents lie in one frame, and its actions. One that has
// appeared in the meantime is left alone: another process restored it, or the go command built it.
func (w *writer) whole(one []ref, raw []byte) error { return w.create(one[0].output, one, raw) }

// create is whole, also for an output without extents.
func (w *writer) create(i int32, one []ref, raw []byte) error {
	if w.isStuck(i) {
		return nil
	}
	o := w.in.manifest.Outputs[i]
	f, err := w.in.cache.CreateOutput(localOutput(o), w.in.aged(i))
	if errors.Is(err, buildcache.ErrPresent) {
		return w.done(i)
	}
	if err != nil {
		return w.failed(i, err)
	}
	var sum hash.Hash
	if w.in.verify {
		sum = sha256.New()
	}
	for {
		parts, n := w.collect(one, raw)
		one = one[len(parts):]
		// Without its last bytes the file is too short, and no go command uses it.
		if sum != nil && !w.matches(i, sum, parts, len(one) == 0) {
			f.Abort()
			return nil
		}
		if _, err := f.WriteParts(parts...); err != nil {
			f.Abort()
			return w.failed(i, err)
		}
		w.in.env.Fetch.Meter.Disk.Add(n)
		if len(one) == 0 {
			break
		}
	}
	if err := f.Close(); err != nil {
		return w.failedBegun(i, err)
	}
	w.wrote()
	return w.done(i)
}

// matches hashes parts of an output. Behind the last it reports whether the output is what it is
// named by, and otherwise counts it as lost.
func (w *writer) matches(i int32, sum hash.Hash, parts [][]byte, last bool) bool {
	for _, p := range parts {
		sum.Write(p)
	}
	if !last || digest.ID(sum.Sum(nil)) == w.in.manifest.Outputs[i].ID {
		return true
	}
	w.refuse(i)
	return false
}

// refuse counts an output as lost that is not what it is named by. Which of its frames is to blame
// cannot be told: the first is named, and none is relied on by the next save, lest the wrong bytes
// get into other outputs.
func (w *writer) refuse(i int32) {
	o := w.in.manifest.Outputs[i]
	reason := fmt.Sprintf("output %s is not what it is named by", o.ID)
	if len(o.Extents) > 0 {
		e := o.Extents[0]
		w.out.Damage(w.in.manifest.Packs[e.Pack].Object, int(e.Frame), reason, install.KindRefused)
		w.doubt(framesOf(o.Extents)[1:], reason)
	} else {
		w.out.Name(fmt.Sprintf("output %s", o.ID), reason, install.KindRefused)
	}
	w.loseOutput(i, install.KindRefused)
}

// doubt notes that frames cannot be relied on, each once.
func (w *writer) doubt(frames []snapshot.Extent, reason string) {
	for _, f := range frames {
		if w.doubted[f] {
			continue
		}
		if w.doubted == nil {
			w.doubted = map[snapshot.Extent]bool{}
		}
		w.doubted[f] = true
		w.out.Mend(w.in.manifest.Packs[f.Pack].Object, int(f.Frame), reason, install.KindRefused)
	}
}

// framesOf lists the frames in which extents lie, each once, that of the first extent first.
func framesOf(extents []snapshot.Extent) (list []snapshot.Extent) {
	seen := map[snapshot.Extent]bool{}
	for _, e := range extents {
		if f := (snapshot.Extent{Pack: e.Pack, Frame: e.Frame}); !seen[f] {
			seen[f] = true
			list = append(list, f)
		}
	}
	return list
}

// part writes the extents of an output that lie in one frame. If they are the last that it lacked,
// the output gets its name and its actions.
func (w *writer) part(one []ref, raw []byte) (err error) {
	i, there := one[0].output, false
	w.in.assembly.change(i, func(p *progress) { there, err = w.add(i, p, one, raw) })
	if err != nil || !there {
		return err
	}
	return w.done(i)
}

// add is part, less the actions. It reports whether the output is now there.
func (w *writer) add(i int32, p *progress, one []ref, raw []byte) (there bool, err error) {
	p.known += int32(len(one))
	if p.stage == over || p.stage == untouched && w.isStuck(i) {
		p.stage = over
		return false, nil
	}
	if err := w.writeAt(i, p, one, raw); err != nil {
		return w.ended(i, p, err)
	}
	if int(p.known) < len(w.in.manifest.Outputs[i].Extents) {
		return false, nil
	}
	return w.place(i, p)
}

// ended ends the work on an output, of which another process made the file, or that is lost.
func (w *writer) ended(i int32, p *progress, err error) (there bool, _ error) {
	begun := p.stage == begun
	w.drop(i, p)
	switch {
	case errors.Is(err, buildcache.ErrPresent):
		return true, nil
	case begun:
		return false, w.failedBegun(i, err)
	}
	return false, w.failed(i, err)
}

// writeAt writes extents to a partial file. Those that follow each other in the output become one
// write.
func (w *writer) writeAt(i int32, p *progress, list []ref, raw []byte) (err error) {
	f, err := w.open(i, p)
	if err != nil {
		return err
	}
	for len(list) > 0 && err == nil {
		n := w.neighbours(list)
		parts, size := w.collect(list[:n], raw)
		_, err = f.WritePartsAt(list[0].at, parts...)
		if list = list[n:]; err == nil {
			w.in.env.Fetch.Meter.Disk.Add(size)
		}
	}
	return errors.Join(err, f.Close())
}

// open opens the file of an output, which the first extent creates.
func (w *writer) open(i int32, p *progress) (f *osfile.File, err error) {
	o := localOutput(w.in.manifest.Outputs[i])
	if p.stage == begun {
		return w.in.assembly.files.Open(o)
	}
	if f, err = w.in.assembly.files.Create(o); err == nil {
		p.stage = begun
	}
	return f, err
}

// neighbours is how many of the first extents follow each other in their output, at most maxParts.
func (w *writer) neighbours(list []ref) int {
	n := 1
	for n < min(len(list), maxParts) && list[n].extent == list[n-1].extent+1 {
		n++
	}
	return n
}

// place gives an output that is whole its name, unless it is not what it is named by.
func (w *writer) place(i int32, p *progress) (there bool, err error) {
	o := localOutput(w.in.manifest.Outputs[i])
	if w.in.verify {
		sum, err := hashFile(w.in.assembly.files.Read(o))
		if err != nil {
			return w.ended(i, p, err)
		}
		if sum != o.ID {
			w.drop(i, p)
			w.refuse(i)
			return false, nil
		}
	}
	if err := w.in.assembly.files.Place(o, w.in.aged(i)); err != nil {
		return w.ended(i, p, err)
	}
	p.stage = over
	w.wrote()
	return true, nil
}
