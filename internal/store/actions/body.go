package actions

import (
	"context"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// viewOf returns the rest of a body that need not be copied: see store.View.
func viewOf(body io.Reader, size int64) (c content, ok bool, err error) {
	view, ok, err := store.View(body, size)
	if !ok {
		return content{}, false, err
	}
	return content{view, view.Size()}, true, nil
}

// blockWriter sends blocks of one bundle.
type blockWriter struct {
	blobs *blobs
	to    string
	id    func() string // a new one
}

// view sends a body with random access, block by block.
func (w blockWriter) view(ctx context.Context, c content) (ids []string, err error) {
	g, gctx := errgroup.WithContext(ctx)
	for off := int64(0); off < c.size; off += w.blobs.size {
		if err := w.blobs.slots.acquire(gctx); err != nil {
			g.Go(func() error { return err })
			break
		}
		id := w.id()
		ids = append(ids, id)
		n := min(w.blobs.size, c.size-off)
		part := content{io.NewSectionReader(c.at, off, n), n}
		g.Go(func() error {
			defer w.blobs.slots.release()
			return w.blobs.putBlock(gctx, w.to, id, part)
		})
	}
	return ids, g.Wait()
}

// stream sends a body that can be read once. What fits into one block of at most small bytes is
// returned instead, in a buffer that the caller has to give back, with a slot that it has to
// release.
func (w blockWriter) stream(ctx context.Context, body io.Reader, small int) (ids []string, size int64, rest []byte, err error) {
	g, gctx := errgroup.WithContext(ctx)
	for last := false; !last; {
		if err := w.blobs.slots.acquire(gctx); err != nil {
			g.Go(func() error { return err })
			break
		}
		buf := w.blobs.free.get(w.blobs.size)
		free := func() { w.blobs.free.put(buf); w.blobs.slots.release() }
		var n int
		n, last, err = store.Fill(gctx, body, buf)
		if err != nil {
			free()
			g.Go(func() error { return err })
			break
		}
		if last && len(ids) == 0 && n <= small {
			return nil, int64(n), buf[:n], g.Wait()
		}
		if n == 0 {
			free()
			break
		}
		id := w.id()
		ids = append(ids, id)
		size += int64(n)
		g.Go(func() error {
			defer free()
			return w.blobs.putBlock(gctx, w.to, id, contentOf(buf[:n]))
		})
	}
	return ids, size, nil, g.Wait()
}

// maxEntry bounds what is read into memory to be written as an entry.
const maxEntry = snapshot.MaxManifest

// wholeBody returns a body that can be read again, as a view or a copy.
func wholeBody(ctx context.Context, body io.Reader, size int64) (content, error) {
	if v, ok, err := viewOf(body, size); ok || err != nil {
		return v, err
	}
	var data []byte
	in := io.LimitReader(store.SizedBody(body, size), maxEntry+1)
	for {
		if ctx.Err() != nil {
			return content{}, store.Ended(ctx)
		}
		data = slices.Grow(data, 64<<10)
		n, err := in.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return content{}, err
		}
	}
	if len(data) > maxEntry {
		return content{}, fmt.Errorf("%w: more than %d bytes", store.ErrTooLarge, maxEntry)
	}
	return contentOf(data), nil
}
