package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// memberBytes is what the header of a member compresses to, in bytes: its name does not. With
// outputs of a few bytes, it is most of a pack.
const memberBytes = 64

// jobs are the packs to be made of outputs.
func (l Local) jobs(outputs []int32) (jobs []collect.Job) {
	for _, group := range l.groups(outputs) {
		raw := l.size(group)
		jobs = append(jobs, collect.Job{
			What: "a pack of build entries", Bytes: raw, Files: len(group), Size: raw + int64(len(group)-1)*memberBytes,
			Write: func(ctx context.Context, w *snapshot.Writer, note collect.Note) (collect.Content, error) {
				return l.writeOutputs(ctx, w, group, note)
			},
		})
	}
	return jobs
}

// groups cuts the outputs to pack into packs. An output larger than collect.GroupBytes is a pack of
// its own, which is streamed.
func (l Local) groups(outputs []int32) (groups [][]int32) {
	var size int64
	first := 0
	for n, i := range outputs {
		need := l.inv.Outputs[i].Size + memberBytes
		if n > first && size+need > collect.GroupBytes {
			groups = append(groups, outputs[first:n])
			first, size = n, 0
		}
		size += need
	}
	if first < len(outputs) {
		groups = append(groups, outputs[first:])
	}
	return groups
}

// size sums the bytes of outputs.
func (l Local) size(outputs []int32) (n int64) {
	for _, i := range outputs {
		n += l.inv.Outputs[i].Size
	}
	return n
}

// written says which outputs a pack has, and where.
type written struct {
	outputs []int32 // indices into the inventory
	frames  []spot  // of each of them
}

type spot struct{ frame, off int32 }

// writeOutputs writes outputs whose bytes are what their name says. Others, and those that vanished
// meanwhile, are left out.
func (l Local) writeOutputs(ctx context.Context, w *snapshot.Writer, outputs []int32, note collect.Note) (c collect.Content, err error) {
	buf := make([]byte, 0, 1<<20)
	all := written{make([]int32, 0, len(outputs)), make([]spot, 0, len(outputs))}
	for _, i := range outputs {
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		o := l.inv.Outputs[i]
		at, err := l.writeOutput(w, o, &buf)
		if collect.IsUnfit(err) {
			note.Warn("build cache output %s is not saved: %v", o.ID, err)
			continue
		}
		if err != nil {
			return c, err
		}
		all.outputs = append(all.outputs, i)
		all.frames = append(all.frames, spot{int32(at.Frame), int32(at.Off)})
		c.Members++
		c.Raw += o.Size
		note.Wrote(o.Size)
	}
	c.Of = all
	return c, nil
}

// errBadOutput: the go command would link such bytes without a word, so they must not spread.
var errBadOutput = errors.New("its content does not match its name")

// writeOutput checks an output before it writes it: nothing can be taken out of a pack again.
func (l Local) writeOutput(w *snapshot.Writer, o buildcache.Output, buf *[]byte) (snapshot.Location, error) {
	f, err := l.cache.OpenOutput(o)
	if err != nil {
		return snapshot.Location{}, &collect.UnfitError{Err: err}
	}
	defer f.Close()
	m := snapshot.Member{Name: outputName(o), Mode: 0o644, Size: o.Size}
	if o.Exec != "" {
		m.Mode = fs.FileMode(0o755)
	}
	if o.Size > snapshot.FrameSize {
		return writeLarge(w, m, o.ID, f)
	}
	if int64(cap(*buf)) < o.Size {
		*buf = make([]byte, o.Size)
	}
	data := (*buf)[:o.Size]
	if _, err := io.ReadFull(f, data); err != nil || digest.Of(data) != o.ID {
		return snapshot.Location{}, &collect.UnfitError{Err: errBadOutput}
	}
	return w.Add(m, bytes.NewReader(data))
}

// writeLarge reads a large output twice rather than hold it in memory.
func writeLarge(w *snapshot.Writer, m snapshot.Member, id digest.ID, f io.ReadSeeker) (snapshot.Location, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return snapshot.Location{}, &collect.UnfitError{Err: err}
	}
	if digest.ID(h.Sum(nil)) != id {
		return snapshot.Location{}, &collect.UnfitError{Err: errBadOutput}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return snapshot.Location{}, &collect.UnfitError{Err: err}
	}
	return collect.AddTorn(w, m, f)
}

// outputName is the path of an output in GOCACHE, so that a pack unpacks to a cache with standard
// tools too.
func outputName(o buildcache.Output) string {
	id := o.ID.String()
	name := id[:2] + "/" + id + "-d"
	if o.Exec != "" {
		name += "/" + o.Exec
	}
	return name
}
