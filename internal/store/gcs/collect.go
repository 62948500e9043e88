package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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

// Page implements rest.API. The service gives 1000 objects at a time.
func (s *bucket) Page(ctx context.Context, prefix, token string) (entries []store.Entry, next string, err error) {
	q := rest.Query("fields", "kind,nextPageToken,items(name,size,generation,updated)", "maxResults", "1000", "prefix", s.opts.Key(prefix), "pageToken", token)
	var p page
	_, err = s.client.Document(ctx, rest.Request{Kind: rest.List, Method: http.MethodGet, URL: s.bucketURL("/storage/v1", "", q)}, "listing", func(data []byte) (ok bool) {
		p, ok = parsePage(data)
		return ok
	})
	for _, r := range p.Items {
		if name, ok := s.opts.Name(r.Name); ok {
			entries = append(entries, store.Entry{Name: name, Info: r.info()})
		}
	}
	return entries, p.NextPageToken, err
}

// touchedKey is the metadata that a touch changes. That makes the object newer without another
// generation: copying the object onto itself would leave one behind that is paid for, for a week,
// where the bucket has soft deletion, as new buckets do.
const touchedKey = "gocache-touched"

// Touch implements rest.API.
func (s *bucket) Touch(ctx context.Context, name string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]string{touchedKey: time.Now().UTC().Format(time.RFC3339Nano)}})
	if err != nil {
		return err
	}
	_, _, err = s.resource(ctx, rest.Request{
		Kind: rest.Touch, Method: http.MethodPatch, URL: s.objectURL(name, url.Values{"fields": {resourceFields}}),
		Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: bytes.NewReader(patch), Size: int64(len(patch)),
	})
	return err
}

// deleteGeneration removes an object, of a generation if that is not empty. One that is not there
// is store.ErrNotFound.
func (s *bucket) deleteGeneration(ctx context.Context, name string, v store.Version) error {
	_, _, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Delete, Method: http.MethodDelete, URL: s.objectURL(name, rest.Query("generation", string(v)))})
	return err
}

// Remove implements rest.API. An object that is not there with this version, but is there, has
// another one.
func (s *bucket) Remove(ctx context.Context, name string, v store.Version) error {
	err := s.deleteGeneration(ctx, name, v)
	if v != "" && errors.Is(err, store.ErrNotFound) {
		if _, _, err = s.Stat(ctx, name); err == nil {
			return store.ErrConflict
		}
	}
	return err
}
