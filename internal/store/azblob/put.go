package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
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

// header returns the condition and the metadata of a write.
func header(w *rest.Write) http.Header {
	h := http.Header{writerHeader: {w.ID}, "Content-Type": {"application/octet-stream"}}
	switch {
	case w.Cond.IfAbsent:
		h.Set("If-None-Match", "*")
	case w.Cond.IfMatch != "":
		h.Set("If-Match", string(w.Cond.IfMatch))
	}
	return h
}

func md5Text(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// Whole implements rest.API.
func (s *container) Whole(w *rest.Write, p *parts.Part) (rest.Request, error) {
	h := header(w)
	h.Set("X-Ms-Blob-Type", "BlockBlob")
	h.Set("Content-Md5", md5Text(p.Sum))
	return rest.Request{Kind: rest.Put, Method: http.MethodPut, URL: s.blobURL(w.Name, ""), Header: h, Body: p.Body, Size: p.Size}, nil
}

// Finish implements rest.API.
func (s *container) Finish(ctx context.Context, w *rest.Write, r rest.Request, size int64) (store.Info, error) {
	r.Genuine = rest.Has("ETag")
	_, resp, sent, err := s.client.Call(ctx, r)
	var a *rest.Answer
	switch {
	case err == nil:
		return store.Info{Size: size, Version: s.Info(resp.Header, size).Version}, nil
	case errors.As(err, &a) && a.Code == "InvalidBlockList":
		return overtaken(ctx, w, err, size)
	}
	return w.Settle(ctx, err, sent)
}

// overtaken is for a list of blocks that is refused because blocks are gone. Blocks belong to a
// name, not to a writer: the list of one writer removes the blocks of all others. So there was
// another Put of the object while this one was sending blocks, or the first attempt of this one.
func overtaken(ctx context.Context, w *rest.Write, err error, size int64) (store.Info, error) {
	info, id, lookErr := w.Look(ctx)
	switch {
	case lookErr != nil:
		return store.Info{}, err
	case id == w.ID:
		return info, nil
	case w.Cond != store.Condition{}:
		return store.Info{}, store.ErrConflict
	}
	// It is as if this Put had come first, and the other one had replaced what it wrote. Its
	// version was never seen, and matches none.
	return store.Info{Size: size, Version: store.Version("overtaken " + w.ID)}, nil
}

// InParts implements rest.API: it sends the parts as blocks, in parallel, and then their list.
func (s *container) InParts(ctx context.Context, w *rest.Write, first *parts.Part, split *parts.Splitter) (store.Info, error) {
	ids, size, err := s.sendAll(ctx, w, first, split)
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
	h := header(w)
	// The Content-Type of this request is that of the list.
	h.Set("Content-Type", "application/xml")
	h.Set("X-Ms-Blob-Content-Type", "application/octet-stream")
	h.Set("Content-Md5", md5Text(sum[:]))
	return s.Finish(ctx, w, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: s.blobURL(w.Name, "comp=blocklist"), Header: h,
		Body: bytes.NewReader(data), Size: int64(len(data)),
	}, size)
}

// sendAll sends the parts while it cuts them, and returns the names of the blocks. It returns when
// no part is in flight.
func (s *container) sendAll(ctx context.Context, w *rest.Write, p *parts.Part, split *parts.Splitter) (ids []string, size int64, err error) {
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
			id := blockID(w, len(ids))
			ids, size = append(ids, id), size+now.Size
			g.Go(func() error { return s.send(gctx, w, id, now) })
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
func blockID(w *rest.Write, n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%.26s-%05d", w.ID, n))
}

func (s *container) send(ctx context.Context, w *rest.Write, id string, p *parts.Part) error {
	defer p.Done()
	h := http.Header{"Content-Md5": {md5Text(p.Sum)}}
	u := s.blobURL(w.Name, url.Values{"comp": {"block"}, "blockid": {id}}.Encode())
	_, _, _, err := s.client.Call(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: u, Header: h, Body: p.Body, Size: p.Size, Genuine: rest.Has("X-Ms-Request-Id"),
	})
	return err
}
