package modules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// job is the object to be made of a module version. It can build upon one of the bases.
func (l Local) job(m localModule, bases ...snapshot.Base) collect.Job {
	return collect.Job{
		What: "module " + m.version().String(), Object: m.rec.Object, Private: m.private,
		Bytes: m.rec.Bytes, Files: m.rec.Files, Size: m.rec.Bytes,
		Write: func(ctx context.Context, w *snapshot.Writer, note collect.Note) (collect.Content, error) {
			err := l.writeModule(ctx, w, m, note)
			return collect.Content{Members: m.rec.Files, Raw: m.rec.Bytes}, err
		},
		Bases: bases,
		Delta: func(ctx context.Context, bases []collect.BaseFiles) (*collect.Delta, error) {
			return l.delta(ctx, m, bases)
		},
	}
}

// writeModule writes a module object and proves on the way that the tree is what .ziphash says: the
// go command would never notice, and everyone who shares the bucket would get it.
func (l Local) writeModule(ctx context.Context, w *snapshot.Writer, m localModule, note collect.Note) error {
	files, err := l.cache.Files(m.version())
	if err != nil {
		return &collect.UnfitError{Err: err}
	}
	var tree modcache.TreeHash
	plain, escaped, _ := modcache.Prefixes(m.version()) // of a version that is here
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		sum, err := l.addFile(w, f)
		if err != nil {
			return err
		}
		note.Wrote(f.Size)
		if rel, ok := strings.CutPrefix(f.Name, escaped); ok {
			tree.Add(plain+rel, sum)
			w.List(snapshot.HashFile(rel, isExec(f), sum))
		}
	}
	if got := tree.Sum(); got != m.rec.Sum {
		return &collect.UnfitError{Err: l.deviation(ctx, m, got)}
	}
	return nil
}

// deviation says which files of a tree are to blame for its hash, and how to get rid of them.
func (l Local) deviation(ctx context.Context, m localModule, got string) error {
	what := fmt.Sprintf("its files have the hash %s, not %s", got, m.rec.Sum)
	if d, err := l.cache.Deviation(ctx, m.version(), m.rec.Sum); err == nil && d.String() != "" {
		what = fmt.Sprintf("its tree is not what %s says; %s", m.rec.Sum, d)
	}
	return fmt.Errorf("%s; let the go command make it anew: %s", what, l.cache.Removal(m.version()))
}

// addFile writes one file and returns its hash.
func (l Local) addFile(w *snapshot.Writer, f modcache.File) (sum [32]byte, err error) {
	in, err := l.cache.OpenFile(f.Name)
	if err != nil {
		return sum, &collect.UnfitError{Err: err}
	}
	defer in.Close()
	m := snapshot.Member{Name: f.Name, Mode: f.Mode, Size: f.Size}
	if f.Size < fileBuffer {
		return addSmall(w, m, in)
	}
	return addLarge(w, m, in)
}

// fileBuffer is more than the size of nearly every file of a module.
const fileBuffer = 256 << 10

var fileBuffers = sync.Pool{New: func() any { b := make([]byte, fileBuffer); return &b }}

// addSmall reads the file as a whole.
func addSmall(w *snapshot.Writer, m snapshot.Member, in io.Reader) (sum [32]byte, err error) {
	buf := fileBuffers.Get().(*[]byte)
	defer fileBuffers.Put(buf)
	// One byte more than there should be tells of a file that grew.
	n, err := io.ReadFull(in, (*buf)[:m.Size+1])
	if err != io.EOF && err != io.ErrUnexpectedEOF || int64(n) != m.Size {
		return sum, &collect.UnfitError{Err: fmt.Errorf("%s: it has not %d bytes any more", m.Name, m.Size)}
	}
	data := (*buf)[:n]
	_, err = w.Add(m, bytes.NewReader(data))
	return sha256.Sum256(data), err
}

// addLarge streams the file.
func addLarge(w *snapshot.Writer, m snapshot.Member, in io.Reader) (sum [32]byte, err error) {
	h := sha256.New()
	src := &collect.SourceReader{R: io.TeeReader(in, h)}
	if _, err := w.Add(m, src); err != nil {
		if src.Failed || errors.Is(err, io.ErrUnexpectedEOF) {
			err = &collect.UnfitError{Err: err}
		}
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}
