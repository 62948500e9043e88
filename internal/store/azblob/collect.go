package azblob

import (
	"context"
	"encoding/xml"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

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

// parsePage reads an answer to List Blobs. Anything else is an error: taking it for an empty
// listing could make a collection remove objects.
func parsePage(data []byte) (p page, err error) {
	err = xml.Unmarshal(trimBOM(data), &p)
	return p, err
}

// List implements store.Collector: one request for 5000 objects, while the loop goes on.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		q := url.Values{"restype": {"container"}, "comp": {"list"}}
		if p := s.key(prefix); p != "" {
			q.Set("prefix", p)
		}
		for {
			p, err := s.page(ctx, q)
			if err != nil {
				yield(store.Entry{}, s.fail("list", prefix, err))
				return
			}
			for _, b := range p.Blobs {
				if e, ok := s.entry(b); ok && !yield(e, nil) {
					return
				}
			}
			if p.NextMarker == "" {
				return
			}
			q.Set("marker", p.NextMarker)
		}
	}
}

func (s *container) page(ctx context.Context, q url.Values) (p page, err error) {
	err = s.client.Again(ctx, func() error {
		data, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.List, Method: http.MethodGet, URL: s.containerURL(q.Encode())})
		if err != nil {
			return err
		}
		if p, err = parsePage(data); err != nil {
			return s.client.Foreign("it is no listing")
		}
		return nil
	})
	return p, err
}

// entry makes an Entry of a blob; ok is false for names that are not those of objects.
func (s *container) entry(b blob) (e store.Entry, ok bool) {
	name := b.Name.Text
	if s.opts.Prefix != "" {
		if name, ok = strings.CutPrefix(name, s.opts.Prefix+"/"); !ok {
			return e, false
		}
	}
	modified, _ := http.ParseTime(b.Properties.LastModified)
	e = store.Entry{Name: name, Info: store.Info{Size: b.Properties.Size, Version: version(b.Properties.Etag), ModTime: modified}}
	return e, !b.Name.Encoded && b.Properties.ResourceType != "directory" && store.CheckName(name) == nil
}

// version adds the quotes that an ETag has in headers, and not in listings.
func version(etag string) store.Version {
	if !strings.HasPrefix(etag, `"`) {
		etag = `"` + etag + `"`
	}
	return store.Version(etag)
}

// Touch implements store.Toucher: it writes the metadata of the object again.
func (s *Store) Touch(ctx context.Context, name string) error {
	err := store.CheckName(name)
	if err == nil {
		err = s.touch(ctx, name)
	}
	if err != nil {
		return s.fail("touch", name, err)
	}
	return nil
}

func (s *container) touch(ctx context.Context, name string) error {
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

// Delete implements store.Collector, one request for each object.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil {
		return failed
	}
	return rest.Each(names, 2*s.opts.Concurrency, func(name string) error { return s.delete(ctx, name, nil) })
}

func (s *container) delete(ctx context.Context, name string, h http.Header) error {
	_, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Delete, Method: http.MethodDelete, URL: s.blobURL(name, ""), Header: h})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return s.fail("remove", name, err)
	}
	return nil
}

// DeleteVersion implements store.Collector.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	if err := store.CheckName(name); err != nil {
		return s.fail("remove", name, err)
	}
	err := s.delete(ctx, name, http.Header{"If-Match": {string(v)}})
	if errors.Is(err, store.ErrConflict) { // also the answer if there is no such blob
		if _, _, herr := s.head(ctx, name); errors.Is(herr, store.ErrNotFound) {
			return nil
		}
	}
	return err
}

// Uploads implements store.Collector. There are none: Azure removes blocks that belong to no blob
// after a week, and what removes them sooner would remove those of writers at work.
func (s *Store) Uploads(context.Context, string, time.Time) iter.Seq2[store.Upload, error] {
	return func(func(store.Upload, error) bool) {}
}

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(context.Context, store.Upload) error { return nil }
