package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
)

// API is what a store asks of a service. Names are those of objects, and were checked. Errors need
// not name the object. All methods are safe for concurrent use.
type API interface {
	// Ready reports whether there are credentials, without a request to the store. The error is
	// store.ErrNoCredentials if there are none.
	Ready(ctx context.Context) error

	// Get and Info are as in Object.
	Get(ctx context.Context, name, rangeHeader string, version store.Version) (*http.Response, error)
	Info(h http.Header, size int64) store.Info
	// Stat also returns the ID of the Write that made the object.
	Stat(ctx context.Context, name string) (info store.Info, writer string, err error)

	// Whole is the request that writes an object of one part, and Finish sends that, or another one
	// that makes an object of size bytes.
	Whole(w *Write, p *parts.Part) (Request, error)
	Finish(ctx context.Context, w *Write, r Request, size int64) (store.Info, error)
	// InParts writes an object of several parts. It has to call Done of each.
	InParts(ctx context.Context, w *Write, first *parts.Part, split *parts.Splitter) (store.Info, error)

	// Page returns objects whose names begin with prefix, and where the next page begins; "": there
	// is none. token is that of the page before, or "".
	Page(ctx context.Context, prefix, token string) (entries []store.Entry, next string, err error)
	Touch(ctx context.Context, name string) error
	// Remove removes an object, of one version if that is not empty: then ErrConflict says that the
	// object has another one. One that is not there may be an error, store.ErrNotFound.
	Remove(ctx context.Context, name string, v store.Version) error
}

// About says which store it is, and how its service wants to have objects.
type About struct {
	URL      string           // as package open understands it
	Bucket   string           // in errors: "bucket b"
	TimeURL  string           // answers with the time of the server
	Sum      func() hash.Hash // goes with each part
	MaxParts int64            // of an object
}

// Store is a store in a service. It implements store.Store and store.Collector by the requests of
// an API. Its fields do not change.
type Store struct {
	about  About
	api    API
	opts   Options // complete
	client *Client
	parts  *parts.Pool // guards itself
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Collector = (*Store)(nil)
	_ store.Guard     = (*Store)(nil)
)

// NewStore returns the store with complete options that an API has with this client.
func NewStore(about About, api API, o Options, c *Client) *Store {
	return &Store{about, api, o, c, parts.NewPool(o.PartSize, o.Concurrency)}
}

// String returns the store's URL as package open understands it.
func (s *Store) String() string { return s.about.URL }

// Requests counts the requests sent, with each attempt.
func (s *Store) Requests() map[string]int64 { return s.client.Counter.Requests() }

// fail names the operation, the object and the bucket; nil stays nil.
func (s *Store) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return store.Failed(op, name, "in", s.about.Bucket, err)
}

// Writable implements store.Guard. It sends no request to the store.
func (s *Store) Writable(ctx context.Context) error {
	err := s.api.Ready(ctx)
	if errors.Is(err, store.ErrNoCredentials) {
		err = fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.about.Bucket, err)
	}
	return nil
}

// Open implements store.Store. It costs one request; a range that is empty, or begins at or beyond
// the end of the object, costs a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	return Open(ctx, Object{
		Name: name, Attempts: s.opts.MaxAttempts, Info: s.api.Info,
		Get: func(ctx context.Context, rangeHeader string, version store.Version) (*http.Response, error) {
			return s.api.Get(ctx, name, rangeHeader, version)
		},
		Stat: func(ctx context.Context) (store.Info, error) { info, _, err := s.api.Stat(ctx, name); return info, err },
		Fail: func(err error) error { return s.fail("read", name, err) },
	}, off, length)
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (info store.Info, err error) {
	if err = store.CheckName(name); err == nil {
		info, _, err = s.api.Stat(ctx, name)
	}
	return info, s.fail("look up", name, err)
}

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
	split, err := parts.NewSplitter(s.parts, body, size, parts.Options{Sum: s.about.Sum, Max: s.about.MaxParts})
	if err != nil {
		return store.Info{}, err
	}
	first, err := split.Next(ctx)
	if err != nil {
		return store.Info{}, err
	}
	w := s.write(name, cond)
	if !first.Last {
		return s.api.InParts(ctx, w, first, split)
	}
	defer first.Done()
	r, err := s.api.Whole(w, first)
	if err != nil {
		return store.Info{}, err
	}
	return s.api.Finish(ctx, w, r, first.Size)
}

func (s *Store) write(name string, cond store.Condition) *Write {
	return &Write{Name: name, Cond: cond, ID: rand.Text(), stat: s.api.Stat}
}

// List implements store.Collector: one request for each page, while the loop goes on.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for token := ""; ; {
			entries, next, err := s.api.Page(ctx, prefix, token)
			if err != nil {
				yield(store.Entry{}, s.fail("list", prefix, err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if token = next; token == "" {
				return
			}
		}
	}
}

// Touch implements store.Toucher.
func (s *Store) Touch(ctx context.Context, name string) error {
	err := store.CheckName(name)
	if err == nil {
		err = s.api.Touch(ctx, name)
	}
	return s.fail("touch", name, err)
}

// Delete implements store.Collector, one request for each object.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil {
		return failed
	}
	return each(names, 2*s.opts.Concurrency, func(name string) error { return s.DeleteVersion(ctx, name, "") })
}

// DeleteVersion implements store.Collector.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	err := store.CheckName(name)
	if err == nil {
		err = s.api.Remove(ctx, name, v)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return s.fail("remove", name, err)
}

// Uploads implements store.Collector. There are none that can be listed: the services remove what
// belongs to no object after a week.
func (s *Store) Uploads(context.Context, string, time.Time) iter.Seq2[store.Upload, error] {
	return func(func(store.Upload, error) bool) {}
}

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(context.Context, store.Upload) error { return nil }

// ServerTime asks the server for the time.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	return s.client.serverTime(ctx, s.about.TimeURL)
}

// RefusesDamage writes an object whose bytes do not match their checksum, and reports whether the
// server refuses it, as it should. If it does not, the object is there.
func (s *Store) RefusesDamage(ctx context.Context, name string) (refuses bool, err error) {
	body, other := []byte("damaged on the way"), s.about.Sum()
	other.Write([]byte("as it was sent"))
	r, err := s.api.Whole(s.write(name, store.Condition{}), &parts.Part{Body: bytes.NewReader(body), Size: int64(len(body)), Sum: other.Sum(nil)})
	if err == nil {
		refuses, err = s.client.refuses(ctx, r)
	}
	return refuses, s.fail("write", name, err)
}
