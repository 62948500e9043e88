package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/bench/internal/stored"
	"github.com/org/gocache-action/internal/snapshot"
)

// keptFrames is the greatest number of frames of a project that are written: enough for a benchmark
// of encoders, and few enough to fit into its memory.
const keptFrames = 12

// keepFrames writes decoded frames of chunks to dir, as a first save makes them.
func (c *chain) keepFrames(ctx context.Context, t tool, dir string) error {
	c.round, c.wanted = 0, nil
	if err := c.all(ctx, t); err != nil { // the first save
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	store := c.Path("store", c.bucket(), storePrefix)
	m, err := stored.FindManifest(store)
	if err != nil {
		return err
	}
	frames := framesOf(m)
	kept := min(len(frames), keptFrames)
	for i := range kept {
		f := frames[i*len(frames)/kept]
		raw, err := f.read(store)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d", i)), raw, 0o644); err != nil {
			return err
		}
	}
	logf("%d of %d frames written to %s", kept, len(frames), dir)
	return nil
}

// place is a frame of an object.
type place struct {
	snapshot.Frame
	object string
	offset int64
}

// framesOf lists the frames of the packs of outputs.
func framesOf(m *snapshot.Manifest) (list []place) {
	for _, k := range m.Packs {
		if k.Chunks == 0 {
			continue
		}
		offset := int64(0)
		for _, f := range k.Content() {
			list = append(list, place{f, k.Object, offset})
			offset += f.Size
		}
	}
	return list
}

func (p place) read(store string) ([]byte, error) {
	file, err := os.Open(filepath.Join(store, filepath.FromSlash(p.object)))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, p.Size)
	if _, err := file.ReadAt(data, p.offset); err != nil {
		return nil, err
	}
	return p.Decode(data, nil)
}
