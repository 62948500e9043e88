package azblob

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// page is an answer to List Blobs.
type page struct {
	XMLName    xml.Name `xml:"EnumerationResults"`
	Blobs      []blob   `xml:"Blobs>Blob"`
	NextMarker string
}

type blob struct {
	Name       blobName
	Properties struct {
		LastModified string `xml:"Last-Modified"`
		Etag         string
		Size         int64  `xml:"Content-Length"`
		ResourceType string // of accounts with a hierarchical namespace
	}
}

// blobName is escaped if XML could not hold it; no object has such a name.
type blobName struct {
	Encoded bool   `xml:"Encoded,attr"`
	Text    string `xml:",chardata"`
}

// parsePage reads an answer to List Blobs. ok is false for anything else: taking it for an empty
// listing could make a collection remove objects.
func parsePage(data []byte) (p page, ok bool) {
	return p, xml.Unmarshal(trimBOM(data), &p) == nil
}

// Page implements rest.API. The service gives 5000 objects at a time.
func (s *container) Page(ctx context.Context, prefix, token string) (entries []store.Entry, next string, err error) {
	q := rest.Query("restype", "container", "comp", "list", "prefix", s.opts.Key(prefix), "marker", token)
	var p page
	_, err = s.client.Document(ctx, rest.Request{Kind: rest.List, Method: http.MethodGet, URL: s.containerURL(q.Encode())}, "listing", func(data []byte) (ok bool) {
		p, ok = parsePage(data)
		return ok
	})
	for _, b := range p.Blobs {
		if e, ok := s.entry(b); ok {
			entries = append(entries, e)
		}
	}
	return entries, p.NextMarker, err
}

// entry makes an Entry of a blob; ok is false for names that are not those of objects.
func (s *container) entry(b blob) (e store.Entry, ok bool) {
	name, ok := s.opts.Name(b.Name.Text)
	modified, _ := http.ParseTime(b.Properties.LastModified)
	e = store.Entry{Name: name, Info: store.Info{Size: b.Properties.Size, Version: version(b.Properties.Etag), ModTime: modified}}
	return e, ok && !b.Name.Encoded && b.Properties.ResourceType != "directory"
}

// version adds the quotes that an ETag has in headers, and not in listings.
func version(etag string) store.Version {
	if !strings.HasPrefix(etag, `"`) {
		etag = `"` + etag + `"`
	}
	return store.Version(etag)
}

// Touch implements rest.API: it writes the metadata of the object again.
func (s *container) Touch(ctx context.Context, name string) error {
	info, h, err := s.head(ctx, name)
	if err != nil {
		return err
	}
	out := http.Header{"If-Match": {string(info.Version)}}
	for k, v := range h {
		if strings.HasPrefix(k, "X-Ms-Meta-") {
			out[k] = v
		}
	}
	_, _, _, err = s.client.Call(ctx, rest.Request{Kind: rest.Touch, Method: http.MethodPut, URL: s.blobURL(name, "comp=metadata"), Header: out})
	if errors.Is(err, store.ErrConflict) {
		return nil // written or touched just now, by this request's first attempt or by somebody else
	}
	return err
}

// Remove implements rest.API.
func (s *container) Remove(ctx context.Context, name string, v store.Version) error {
	h := http.Header{}
	if v != "" {
		h.Set("If-Match", string(v))
	}
	_, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Delete, Method: http.MethodDelete, URL: s.blobURL(name, ""), Header: h})
	if errors.Is(err, store.ErrConflict) { // also the answer if there is no such blob
		if _, _, herr := s.head(ctx, name); errors.Is(herr, store.ErrNotFound) {
			return herr
		}
	}
	return err
}
