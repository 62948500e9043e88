package paths

import (
	"context"
	"errors"
	"io"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// written are the files that a pack has.
type written []collect.FileID

// job is the pack to be made of files of one path.
func (l Local) job(files []localFile) collect.Job {
	var size int64
	for _, f := range files {
		size += f.size
	}
	dir := l.dirs[files[0].Path]
	return collect.Job{
		What: "a pack of " + files[0].Path, Bytes: size, Size: size, Files: len(files),
		Write: func(ctx context.Context, w *snapshot.Writer, note collect.Note) (collect.Content, error) {
			return writeFiles(ctx, w, dir, files, note)
		},
	}
}

// writeFiles writes files that are still what they were when they were hashed. Others are left out.
func writeFiles(ctx context.Context, w *snapshot.Writer, dir extradir.Path, files []localFile, note collect.Note) (c collect.Content, err error) {
	buf := make([]byte, 256<<10)
	var all written
	for _, f := range files {
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		err := writeFile(w, dir, f, buf)
		if collect.IsUnfit(err) {
			note.Warn("%s of %s is not saved: %v", f.Name, f.Path, err)
			continue
		}
		if err != nil {
			return c, err
		}
		all = append(all, f.FileID)
		c.Members++
		c.Raw += f.size
		note.Wrote(f.size)
	}
	c.Of = all
	return c, nil
}

// errChanged: what was hashed is not what would be stored.
var errChanged = errors.New("it changed while it was saved")

// writeFile reads a file twice, once to check it, since nothing can be taken out of a pack again:
// so no file has to be held in memory. What is appended meanwhile is left out.
func writeFile(w *snapshot.Writer, p extradir.Path, f localFile, buf []byte) error {
	in, err := p.Open(f.Name)
	if err != nil {
		return &collect.UnfitError{Err: err}
	}
	defer in.Close()
	sum, size, err := extradir.Sum(in, buf)
	switch {
	case err != nil:
		return &collect.UnfitError{Err: err}
	case sum != f.Sum || size != f.size:
		return &collect.UnfitError{Err: errChanged}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return &collect.UnfitError{Err: err}
	}
	m := snapshot.Member{Name: f.Name, Mode: 0o644, Size: f.size}
	if f.exec {
		m.Mode = 0o755
	}
	_, err = collect.AddTorn(w, m, io.LimitReader(in, f.size))
	return err
}
