package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// written says which tree a pack is, and what its files are.
type written struct{ name, sum string }

func (t localTree) job() collect.Job {
	return collect.Job{
		What: "the tree " + t.name, Bytes: t.bytes, Size: t.bytes, Files: t.count,
		Write: t.write,
	}
}

// write writes the files into a pack, and sums up what it wrote, which is not always what was there
// at first. Those that cannot be read are left out.
func (t localTree) write(ctx context.Context, w *snapshot.Writer, note collect.Note) (c collect.Content, err error) {
	defer t.skips.Warn(note.Warn)
	list := snapshot.NewTreeSum()
	for _, f := range t.files {
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		sum, err := writeFile(w, f)
		if collect.IsUnfit(err) {
			t.skips.Add("file", f.name, err)
			continue
		}
		if err != nil {
			return c, err
		}
		list.Add(f.name, f.size, sum)
		c.Members++
		c.Raw += f.size
		note.Wrote(f.size)
	}
	c.Of = written{t.name, list.String()}
	return c, nil
}

// maxHeld is how large a file of a tree may be to be read before it is packed. Nearly all have a
// few KiB.
const maxHeld = 1 << 20

func writeFile(w *snapshot.Writer, f treeFile) (sum [sha256.Size]byte, err error) {
	in, err := f.open()
	if err != nil {
		return sum, &collect.UnfitError{Err: err}
	}
	defer in.Close()
	m := snapshot.Member{Name: f.name, Mode: 0o644, Size: f.size}
	if f.size > maxHeld {
		h := sha256.New()
		_, err = collect.AddTorn(w, m, io.TeeReader(in, h))
		h.Sum(sum[:0])
		return sum, err
	}
	data, err := io.ReadAll(io.LimitReader(in, f.size+1))
	if err == nil && int64(len(data)) != f.size {
		err = fmt.Errorf("it has not %d bytes any more", f.size)
	}
	if err != nil {
		return sum, &collect.UnfitError{Err: err}
	}
	_, err = w.Add(m, bytes.NewReader(data))
	return sha256.Sum256(data), err
}
