package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
	"github.com/org/gocache-action/internal/store/rest"
)

// maxBlocks is how many blocks a blob can have.
const maxBlocks = 50000

// writerHeader is the metadata that identifies the Put which wrote an object.
const writerHeader = "X-Ms-Meta-Gocachewriter"

// Put implements store.Store. A body of at most one part costs one request.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	info, err := s.put(ctx, name, body, size, cond)
	if err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), cond.Check(), ctx.Err()); err != nil {
		return store.Info{}, err
	}
	split, err := parts.NewSplitter(s.parts, body, size, parts.Options{Sum: md5.New, Max: maxBlocks})
	if err != nil {
		return store.Info{}, err
	}
	first, err := split.Next(ctx)
	if err != nil {
		return store.Info{}, err
	}
	w := &write{s: s, name: name, cond: cond, id: rand.Text()}
	if first.Last {
		defer first.Done()
		return w.single(ctx, first)
	}
	return w.blocks(ctx, first, split)
}

// write is one Put.
type write struct {
	s    *Store
	name string
	cond store.Condition
	id   string // random; stored with the object, and part of the names of blocks
}

// header returns the condition and the metadata of a write.
func (w *write) header() http.Header {
	h := http.Header{writerHeader: {w.id}, "Content-Type": {"application/octet-stream"}}
	switch {
	case w.cond.IfAbsent:
		h.Set("If-None-Match", "*")
	case w.cond.IfMatch != "":
		h.Set("If-Match", string(w.cond.IfMatch))
	}
	return h
}

func md5Text(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

func (w *write) single(ctx context.Context, p *parts.Part) (store.Info, error) {
	h := w.header()
	h.Set("X-Ms-Blob-Type", "BlockBlob")
	h.Set("Content-Md5", md5Text(p.Sum))
	return w.finish(ctx, rest.Request{Kind: rest.Put, Method: http.MethodPut, URL: w.s.blobURL(w.name, ""), Header: h, Body: p.Body, Size: p.Size}, p.Size)
}

// finish sends the request that makes an object of size bytes.
func (w *write) finish(ctx context.Context, r rest.Request, size int64) (store.Info, error) {
	r.Genuine = rest.Has("ETag")
	_, resp, sent, err := w.s.client.Call(ctx, r)
	if err != nil {
		return w.settle(ctx, w.meaning(err), sent, size)
	}
	return store.Info{Size: size, Version: infoOf(resp.Header, size).Version}, nil
}

// meaning recognises answers that concern the condition.
func (w *write) meaning(err error) error {
	var a *rest.Answer
	if !errors.As(err, &a) {
		return err
	}
	if w.cond.IfMatch != "" && a.Sentinel == store.ErrNotFound {
		return fmt.Errorf("%w: the object is gone", store.ErrConflict)
	}
	return err
}

func (w *write) settle(ctx context.Context, err error, sent int, size int64) (store.Info, error) {
	look := func(ctx context.Context) (store.Info, string, error) {
		info, h, err := w.s.head(ctx, w.name)
		return info, h.Get(writerHeader), err
	}
	var a *rest.Answer
	if errors.As(err, &a) && a.Code == "InvalidBlockList" {
		return w.overtaken(ctx, err, look, size)
	}
	return rest.Write{Cond: w.cond, ID: w.id, Look: look}.Settle(ctx, err, sent)
}

// overtaken is for a list of blocks that is refused because blocks are gone. Blocks belong to a
// name, not to a writer: the list of one writer removes the blocks of all others. So there was
// another Put of the object while this one was sending blocks, or the first attempt of this one.
func (w *write) overtaken(ctx context.Context, err error, look func(context.Context) (store.Info, string, error), size int64) (store.Info, error) {
	info, id, lookErr := look(ctx)
	switch {
	case lookErr != nil:
		return store.Info{}, err
	case id == w.id:
		return info, nil
	case w.cond != store.Condition{}:
		return store.Info{}, store.ErrConflict
	}
	// It is as if this Put had come first, and the other one had replaced what it wrote. Its
	// version was never seen, and matches none.
	return store.Info{Size: size, Version: store.Version("overtaken " + w.id)}, nil
}

// blocks sends first and all parts after it as blocks, in parallel, and then their list.
func (w *write) blocks(ctx context.Context, first *parts.Part, split *parts.Splitter) (store.Info, error) {
	ids, size, err := w.sendAll(ctx, first, split)
	if err != nil {
		return store.Info{}, err
	}
	type list struct {
		XMLName xml.Name `xml:"BlockList"`
		Latest  []string
	}
	data, err := xml.Marshal(list{Latest: ids})
	if err != nil {
		return store.Info{}, err
	}
	data = append([]byte(xml.Header), data...)
	sum := md5.Sum(data)
	h := w.header()
	// The Content-Type of this request is that of the list.
	h.Set("Content-Type", "application/xml")
	h.Set("X-Ms-Blob-Content-Type", "application/octet-stream")
	h.Set("Content-Md5", md5Text(sum[:]))
	return w.finish(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: w.s.blobURL(w.name, "comp=blocklist"), Header: h,
		Body: bytes.NewReader(data), Size: int64(len(data)),
	}, size)
}

// sendAll sends the parts while it cuts them, and returns the names of the blocks. It returns when
// no part is in flight.
func (w *write) sendAll(ctx context.Context, p *parts.Part, split *parts.Splitter) (ids []string, size int64, err error) {
	g, gctx := errgroup.WithContext(ctx)
	for {
		if len(ids) == maxBlocks {
			p.Done()
			g.Go(func() error {
				return fmt.Errorf("more than %d blocks of %d bytes: raise the part size", maxBlocks, split.PartSize())
			})
			break
		}
		if now := p; now.Size > 0 {
			id := w.blockID(len(ids))
			ids, size = append(ids, id), size+now.Size
			g.Go(func() error { return w.send(gctx, id, now) })
		} else {
			now.Done()
		}
		if p.Last {
			break
		}
		if p, err = split.Next(gctx); err != nil {
			g.Go(func() error { return err })
			break
		}
	}
	return ids, size, g.Wait()
}

// blockID names a block. All blocks of a blob must have names of the same length, of at most 64
// bytes before they are encoded, and those of other writers must be others.
func (w *write) blockID(n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%.26s-%05d", w.id, n))
}

func (w *write) send(ctx context.Context, id string, p *parts.Part) error {
	defer p.Done()
	h := http.Header{"Content-Md5": {md5Text(p.Sum)}}
	u := w.s.blobURL(w.name, url.Values{"comp": {"block"}, "blockid": {id}}.Encode())
	_, _, _, err := w.s.client.Call(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: u, Header: h, Body: p.Body, Size: p.Size, Genuine: rest.Has("X-Ms-Request-Id"),
	})
	return err
}
