package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
)

// openStore opens the store of --store. A URL that makes no sense is wrong usage; whether the
// store exists and answers shows with its first operation.
func (a *app) openStore(ctx context.Context) (store.Store, error) {
	f := &a.flags
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.store == "" {
		path, err := userCache("store")
		if err != nil {
			return nil, err
		}
		return dir.Open(path)
	}
	u, err := url.Parse(f.store)
	if err != nil {
		// The error of url.Parse quotes the whole URL, secrets too.
		return nil, usage("store is not a URL: %w", errors.Unwrap(err))
	}
	switch u.Scheme {
	case "file":
		return openDir(u)
	case "s3":
		return f.openS3(ctx, u)
	case "":
		return nil, usage("store %q has no scheme: a directory is written file://%s", f.store, absolute(f.store))
	}
	return nil, usage("unknown kind of store %q: want s3 or file", u.Scheme)
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(abs)
}

func openDir(u *url.URL) (store.Store, error) {
	path := u.Path
	if u.Host != "" && u.Host != "localhost" || path == "" {
		return nil, usage("store %s names no absolute directory: want file:///dir", u.Redacted())
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, usage("store %s: a directory takes no parameters; write ? as %%3F and # as %%23", u.Redacted())
	}
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/") // file:///C:/dir
	}
	return dir.Open(filepath.FromSlash(path))
}

// openS3 reads the parameters of an s3 URL. Unknown ones are refused: a misspelt endpoint would
// send the cache, and with it private modules, to somewhere else.
func (f *flags) openS3(ctx context.Context, u *url.URL) (store.Store, error) {
	o := s3.Options{
		Bucket: u.Host, Prefix: u.Path,
		PartSize: int64(f.partSize), Concurrency: f.concurrency, StallTimeout: time.Duration(f.stall),
	}
	if u.User != nil {
		return nil, usage("store %s: credentials do not belong into the URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", u.Redacted())
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, usage("store %s: %w", u.Redacted(), err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if err := setParameter(&o, name, query.Get(name)); err != nil {
			return nil, usage("store %s: %w", u.Redacted(), err)
		}
	}
	st, err := s3.New(ctx, o)
	switch {
	case err != nil && errors.Unwrap(err) == nil: // about the options; the SDK's errors are wrapped
		return nil, usage("store %s: %w", u.Redacted(), err)
	case err != nil:
		return nil, fmt.Errorf("store %s: %w", u.Redacted(), err)
	}
	return st, nil
}

func setParameter(o *s3.Options, name, value string) error {
	var err error
	switch name {
	case "region":
		o.Region = value
	case "endpoint":
		o.Endpoint = value
	case "path-style":
		if o.PathStyle, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("invalid value %q for path-style: want true or false", value)
		}
	default:
		return fmt.Errorf("unknown parameter %q: want region, endpoint or path-style", name)
	}
	return nil
}
