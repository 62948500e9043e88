package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// page is an answer to a listing.
type page struct {
	Kind          string     `json:"kind"`
	NextPageToken string     `json:"nextPageToken"`
	Items         []resource `json:"items"`
}

// parsePage reads an answer to a listing. ok is false for anything else: taking it for an empty
// listing could make a collection remove objects.
func parsePage(data []byte) (p page, ok bool) {
	return p, json.Unmarshal(data, &p) == nil && p.Kind == "storage#objects"
}

// List implements store.Collector: one request for 1000 objects, while the loop goes on.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		q := url.Values{"fields": {"kind,nextPageToken,items(name,size,generation,updated)"}, "maxResults": {"1000"}}
		if p := s.key(prefix); p != "" {
			q.Set("prefix", p)
		}
		for {
			p, err := s.page(ctx, q)
			if err != nil {
				yield(store.Entry{}, s.fail("list", prefix, err))
				return
			}
			for _, r := range p.Items {
				if name, ok := s.object(r.Name); ok && !yield(store.Entry{Name: name, Info: r.info()}, nil) {
					return
				}
			}
			if p.NextPageToken == "" {
				return
			}
			q.Set("pageToken", p.NextPageToken)
		}
	}
}

func (s *bucket) page(ctx context.Context, q url.Values) (p page, err error) {
	err = s.client.Again(ctx, func() error {
		data, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.List, Method: http.MethodGet, URL: s.bucketURL("/storage/v1", "", q)})
		if err != nil {
			return err
		}
		var ok bool
		if p, ok = parsePage(data); !ok {
			return s.client.Foreign("it is no listing")
		}
		return nil
	})
	return p, err
}

// object is the inverse of key; ok is false for keys that are not those of objects.
func (s *bucket) object(key string) (name string, ok bool) {
	name = key
	if s.opts.Prefix != "" {
		if name, ok = strings.CutPrefix(key, s.opts.Prefix+"/"); !ok {
			return "", false
		}
	}
	return name, store.CheckName(name) == nil
}

// touchedKey is the metadata that a touch changes. That makes the object newer without another
// generation: copying the object onto itself would leave one behind that is paid for, for a week,
// where the bucket has soft deletion, as new buckets do.
const touchedKey = "gocache-touched"

// Touch implements store.Toucher.
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

func (s *bucket) touch(ctx context.Context, name string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]string{touchedKey: time.Now().UTC().Format(time.RFC3339Nano)}})
	if err != nil {
		return err
	}
	_, err = s.resource(ctx, rest.Request{
		Kind: rest.Touch, Method: http.MethodPatch, URL: s.objectURL(name, url.Values{"fields": {resourceFields}}),
		Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: bytes.NewReader(patch), Size: int64(len(patch)),
	}, nil)
	return err
}

// Delete implements store.Collector, one request for each object.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil {
		return failed
	}
	return rest.Each(names, 2*s.opts.Concurrency, func(name string) error {
		err := s.deleteGeneration(ctx, name, "")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return s.fail("remove", name, err)
		}
		return nil
	})
}

// deleteGeneration removes an object, of a generation if that is not empty. One that is not there
// is store.ErrNotFound.
func (s *bucket) deleteGeneration(ctx context.Context, name string, v store.Version) error {
	var q url.Values
	if v != "" {
		q = url.Values{"generation": {string(v)}}
	}
	_, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Delete, Method: http.MethodDelete, URL: s.objectURL(name, q)})
	return err
}

// DeleteVersion implements store.Collector. An object that is not there with this version, but is
// there, has another one.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	err := store.CheckName(name)
	if err == nil {
		err = s.deleteGeneration(ctx, name, v)
	}
	if errors.Is(err, store.ErrNotFound) {
		if _, err = s.stat(ctx, name); err == nil {
			err = store.ErrConflict
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		return s.fail("remove", name, err)
	}
	return nil
}

// Uploads implements store.Collector. There are none that can be listed: Google forgets sessions
// that are not finished after a week.
func (s *Store) Uploads(context.Context, string, time.Time) iter.Seq2[store.Upload, error] {
	return func(func(store.Upload, error) bool) {}
}

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(context.Context, store.Upload) error { return nil }
