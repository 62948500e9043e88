//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

// do makes the directories, and then handles the objects, as many at once as there are cores.
func (w *work) do(ctx context.Context) error {
	for _, dir := range w.dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	for _, name := range w.empty {
		if err := osfile.WriteFile(name, 0o644, nil, time.Time{}); err != nil {
			return err
		}
	}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			buf := make([]byte, 0, snapshot.FrameSize)
			for i := next.Add(1) - 1; i < int64(len(w.objects)); i = next.Add(1) - 1 {
				if err := w.objects[i].do(ctx, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// do writes the content of an object. buf has room for a decoded frame.
func (o *object) do(ctx context.Context, buf []byte) (err error) {
	var open *osfile.File // continues in the next frame
	for _, f := range o.frames {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		raw, err := f.decode(buf)
		if err != nil {
			return err
		}
		for i := range f.pieces {
			p := &f.pieces[i]
			if open, err = p.write(open, raw[p.from:p.to]); err != nil {
				return err
			}
		}
		for i := range f.shares {
			if err := f.shares[i].write(raw); err != nil {
				return err
			}
		}
	}
	var text [buildcache.EntrySize]byte
	for _, e := range o.entries {
		if err := osfile.WriteFile(e.path, 0o644, e.AppendText(text[:0]), time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

func (f *frame) decode(buf []byte) ([]byte, error) {
	if f.sum != nil {
		return f.sum.Decode(f.stored, buf)
	}
	return snapshot.DecodeFrame(f.stored, buf)
}

// write writes a piece, to the open file unless it is the first of its file. It returns the file if
// that continues in the next frame.
func (p *piece) write(open *osfile.File, data []byte) (_ *osfile.File, err error) {
	if p.hashed {
		p.sum = sha256.Sum256(data)
	}
	if p.first {
		if open, err = osfile.Create(p.path, p.mode); err != nil {
			return nil, err
		}
	}
	if len(data) > 0 {
		if _, err := open.Write(data); err != nil {
			return nil, err
		}
	}
	if !p.last {
		return open, nil
	}
	return nil, open.Close()
}
