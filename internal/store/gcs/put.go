package gcs

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"net/http"
	"net/url"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
	"github.com/org/gocache-action/internal/store/rest"
)

// writerKey is the metadata that identifies the Put which wrote an object. A Put whose first answer
// was lost recognises its own success by it.
const writerKey = "gocache-writer"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newCRC() hash.Hash { return crc32.New(castagnoli) }

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
	split, err := parts.NewSplitter(s.parts, body, size, parts.Options{Sum: newCRC, Max: math.MaxInt32})
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
	return w.resumable(ctx, first, split)
}

// write is one Put.
type write struct {
	s    *Store
	name string
	cond store.Condition
	id   string // random; stored with the object
}

// description is what an upload says of its object.
type description struct {
	Name        string            `json:"name"`
	ContentType string            `json:"contentType"`
	CRC32C      string            `json:"crc32c,omitempty"`
	Metadata    map[string]string `json:"metadata"`
}

func (w *write) description(crc string) ([]byte, error) {
	return json.Marshal(description{
		Name: w.s.key(w.name), ContentType: "application/octet-stream", CRC32C: crc, Metadata: map[string]string{writerKey: w.id},
	})
}

// url returns where uploads of a kind go, with the condition.
func (w *write) url(kind string) string {
	q := url.Values{"uploadType": {kind}, "fields": {resourceFields}}
	switch {
	case w.cond.IfAbsent:
		q.Set("ifGenerationMatch", "0")
	case w.cond.IfMatch != "":
		q.Set("ifGenerationMatch", string(w.cond.IfMatch))
	}
	return w.s.bucketURL("/upload/storage/v1", "", q)
}

// possible returns an error if the condition names what cannot be a version of this store: Google
// would not call that a condition that fails, but a bad request.
func (w *write) possible() error {
	for _, c := range w.cond.IfMatch {
		if c < '0' || c > '9' {
			return fmt.Errorf("%w: %.40q is no version of this store", store.ErrConflict, w.cond.IfMatch)
		}
	}
	return nil
}

func (w *write) single(ctx context.Context, p *parts.Part) (store.Info, error) {
	if err := w.possible(); err != nil {
		return store.Info{}, err
	}
	req, err := w.upload(p)
	if err != nil {
		return store.Info{}, err
	}
	var sent int
	r, err := w.s.resource(ctx, req, &sent)
	if err != nil {
		return w.settle(ctx, err, sent)
	}
	return w.written(r), nil
}

// upload is a request with description and bytes, as two parts of a multipart body.
// https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects
func (w *write) upload(p *parts.Part) (rest.Request, error) {
	about, err := w.description(base64.StdEncoding.EncodeToString(p.Sum))
	if err != nil {
		return rest.Request{}, err
	}
	boundary := "gocache-" + w.id // nobody who makes the bytes knows it
	head := fmt.Appendf(nil, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n--%s\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, about, boundary)
	tail := fmt.Appendf(nil, "\r\n--%s--\r\n", boundary)
	return rest.Request{
		Kind: rest.Put, Method: http.MethodPost, URL: w.url("multipart"),
		Header: http.Header{"Content-Type": {"multipart/related; boundary=" + boundary}},
		Body:   &framed{head: head, body: p.Body, tail: tail},
		Size:   int64(len(head)) + p.Size + int64(len(tail)),
	}, nil
}

// written is the Info of what was just written, without a time.
func (w *write) written(r resource) store.Info {
	info := r.info()
	return store.Info{Size: info.Size, Version: info.Version}
}

// framed is a body between two texts. It can be read again from its beginning.
type framed struct {
	head, tail []byte
	body       io.ReadSeeker
	now        io.Reader
}

func (f *framed) Read(p []byte) (int, error) { return f.now.Read(p) }

func (f *framed) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.ErrUnsupported
	}
	_, err := f.body.Seek(0, io.SeekStart)
	f.now = io.MultiReader(bytes.NewReader(f.head), f.body, bytes.NewReader(f.tail))
	return 0, err
}

// settle finds out what became of a write that failed.
func (w *write) settle(ctx context.Context, err error, sent int) (store.Info, error) {
	if w.cond.IfMatch != "" && errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: the object is gone", store.ErrConflict)
	}
	info, err := rest.Write{Cond: w.cond, ID: w.id, Look: func(ctx context.Context) (store.Info, string, error) {
		r, err := w.s.stat(ctx, w.name)
		return w.written(r), r.Metadata[writerKey], err
	}}.Settle(ctx, err, sent)
	return info, err
}
