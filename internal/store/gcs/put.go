package gcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
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

// description is what an upload says of its object.
type description struct {
	Name        string            `json:"name"`
	ContentType string            `json:"contentType"`
	CRC32C      string            `json:"crc32c,omitempty"`
	Metadata    map[string]string `json:"metadata"`
}

func (s *bucket) description(w *rest.Write, crc string) ([]byte, error) {
	return json.Marshal(description{
		Name: s.opts.Key(w.Name), ContentType: "application/octet-stream", CRC32C: crc, Metadata: map[string]string{writerKey: w.ID},
	})
}

// uploadURL returns where uploads of a kind go, with the condition of the write.
func (s *bucket) uploadURL(w *rest.Write, kind string) string {
	q := url.Values{"uploadType": {kind}, "fields": {resourceFields}}
	switch {
	case w.Cond.IfAbsent:
		q.Set("ifGenerationMatch", "0")
	case w.Cond.IfMatch != "":
		q.Set("ifGenerationMatch", string(w.Cond.IfMatch))
	}
	return s.bucketURL("/upload/storage/v1", "", q)
}

// possible returns an error if the condition names what cannot be a version of this store: Google
// would not call that a condition that fails, but a bad request.
func possible(w *rest.Write) error {
	for _, c := range w.Cond.IfMatch {
		if c < '0' || c > '9' {
			return fmt.Errorf("%w: %.40q is no version of this store", store.ErrConflict, w.Cond.IfMatch)
		}
	}
	return nil
}

// Whole implements rest.API: a request with description and bytes, as two parts of a multipart
// body. https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects
func (s *bucket) Whole(w *rest.Write, p *parts.Part) (rest.Request, error) {
	if err := possible(w); err != nil {
		return rest.Request{}, err
	}
	about, err := s.description(w, base64.StdEncoding.EncodeToString(p.Sum))
	if err != nil {
		return rest.Request{}, err
	}
	boundary := "gocache-" + w.ID // nobody who makes the bytes knows it
	head := fmt.Appendf(nil, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n--%s\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, about, boundary)
	tail := fmt.Appendf(nil, "\r\n--%s--\r\n", boundary)
	return rest.Request{
		Kind: rest.Put, Method: http.MethodPost, URL: s.uploadURL(w, "multipart"),
		Header: http.Header{"Content-Type": {"multipart/related; boundary=" + boundary}},
		Body:   &framed{head: head, body: p.Body, tail: tail},
		Size:   int64(len(head)) + p.Size + int64(len(tail)),
	}, nil
}

// Finish implements rest.API.
func (s *bucket) Finish(ctx context.Context, w *rest.Write, r rest.Request, _ int64) (store.Info, error) {
	made, sent, err := s.resource(ctx, r)
	if err != nil {
		return w.Settle(ctx, err, sent)
	}
	return written(made), nil
}

// written is the Info of what was just written, without a time.
func written(r resource) store.Info {
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
