// Package fetch reads stored objects for a restore. Frames are read before they are needed, within
// a memory limit that all objects share, and decoded into a fixed number of buffers.
//
// Transfers cannot deadlock: whoever holds a stored frame may wait for a disk or for the network,
// but not for more memory, and whoever waits for the network holds no decoded frame. A frame that
// is read a second time has memory of its own, since that of the frames behind it, which were read
// ahead, stays lent meanwhile; whoever holds it waits for the network and a decoded frame only.
package fetch

import (
	"context"
	"io"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Fetcher reads objects of one store. Its fields are set once; what they point to is safe for
// concurrent use.
type Fetcher struct {
	Store   store.Store
	Frames  *Memory  // of stored frames
	Again   *Memory  // of those that Frame reads
	Buffers *Buffers // for decoded ones
	Meter   *report.Meter
}

// OpenFunc opens an object, or a range of one.
type OpenFunc func(context.Context) (io.ReadCloser, store.Info, error)

// Open opens a pack, or a range of one, and reads ahead: the given frames, or if there are none,
// those that the headers in the object describe. fetched is called when the network is no longer
// needed, also after an error.
func (f *Fetcher) Open(
	ctx context.Context, fetched func(), frames []snapshot.Frame, open OpenFunc,
) (*Source, store.Info, error) {
	var s *Source
	var info store.Info
	var err error
	if frames == nil {
		s, info, err = f.start(ctx, fetched, snapshot.KindPack, open, snapshot.ReadFrame)
	} else {
		s, info, err = f.read(ctx, fetched, snapshot.KindPack, open, func(ctx context.Context, s *Source, src io.Reader, _ int64) error {
			return s.readFrames(ctx, src, frames)
		})
	}
	if err != nil {
		fetched()
	}
	return s, info, err
}

// Module is Open for a module object, or for what follows the beginning of a delta. fetched is not
// called beside an error: the module may have another object.
func (f *Fetcher) Module(ctx context.Context, fetched func(), open OpenFunc) (*Source, store.Info, error) {
	return f.start(ctx, fetched, snapshot.KindModule, open, snapshot.ReadModuleFrame)
}

// readFunc reads one frame, as snapshot.ReadFrame does.
type readFunc func(r io.Reader, room func(n int) ([]byte, error)) ([]byte, error)

func (f *Fetcher) start(ctx context.Context, fetched func(), kind snapshot.Kind, open OpenFunc, next readFunc) (*Source, store.Info, error) {
	return f.read(ctx, fetched, kind, open, func(ctx context.Context, s *Source, src io.Reader, size int64) error {
		return s.readAll(ctx, src, size, next)
	})
}

// read opens an object and starts the goroutine that reads it. all returns why it ended.
func (f *Fetcher) read(
	ctx context.Context, fetched func(), kind snapshot.Kind, open OpenFunc,
	all func(ctx context.Context, s *Source, src io.Reader, size int64) error,
) (*Source, store.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	body, info, err := open(ctx)
	if err != nil {
		cancel()
		return nil, info, err
	}
	s := &Source{memory: f.Frames, cancel: cancel, frames: make(chan []byte, f.Frames.frames())}
	go func() {
		defer close(s.frames)
		defer fetched()
		defer body.Close()
		s.end = all(ctx, s, metered{body, f.Meter, string(kind)}, info.Size)
	}()
	return s, info, nil
}

// Whole opens an object from its first byte to its last.
func (f *Fetcher) Whole(ctx context.Context, fetched func(), object string) (*Source, error) {
	s, _, err := f.Open(ctx, fetched, nil, func(ctx context.Context) (io.ReadCloser, store.Info, error) {
		return f.Store.Open(ctx, object, 0, -1)
	})
	return s, err
}

// Range opens frames [first, end) of a pack.
func (f *Fetcher) Range(
	ctx context.Context, fetched func(), pack snapshot.Pack, first, end int,
) (*Source, store.Info, error) {
	return f.Open(ctx, fetched, pack.Frames[first:end], func(ctx context.Context) (io.ReadCloser, store.Info, error) {
		return f.Store.Open(ctx, pack.Object, StoredSize(pack.Frames, 0, first), StoredSize(pack.Frames, first, end))
	})
}

// Frame reads a single frame of a pack and decodes it, see Decode. The caller may have a Source
// with frames that were read ahead.
func (f *Fetcher) Frame(ctx context.Context, pack snapshot.Pack, i int) ([]byte, error) {
	frame := pack.Frames[i]
	data, err := f.Again.get(ctx, int(frame.Size))
	if err != nil {
		return nil, err
	}
	defer f.Again.put(data)
	body, _, err := f.Store.Open(ctx, pack.Object, StoredSize(pack.Frames, 0, i), frame.Size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, data)
	f.Meter.Transfer(string(snapshot.KindPack), int64(n))
	if err != nil {
		return nil, err
	}
	return f.Decode(frame, data)
}

// Decode checks and decodes a stored frame. The caller has to return the result to f.Buffers.
func (f *Fetcher) Decode(frame snapshot.Frame, data []byte) ([]byte, error) {
	mem := f.Buffers.Get()
	raw, err := frame.Decode(data, mem)
	if err != nil {
		f.Buffers.Put(mem)
		return nil, err
	}
	return raw, nil
}

// StoredSize sums the stored sizes of frames [from, to).
func StoredSize(frames []snapshot.Frame, from, to int) (n int64) {
	for i := from; i < to; i++ {
		n += frames[i].Size
	}
	return n
}
