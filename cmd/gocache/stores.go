package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/open"
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
		return a.openDir(path)
	}
	target, err := open.Parse(f.store)
	switch {
	case err != nil:
		return nil, usage("%w", err)
	case target.Web != nil:
		return a.openWeb(target.Web, target.Insecure)
	case target.S3 == nil:
		return a.openDir(target.Dir)
	}
	if err := a.keeping(target.S3); err != nil {
		return nil, err
	}
	a.role(target.S3)
	if target.S3.Concurrency == 0 && target.S3.PartSize == 0 && f.partSize == 0 {
		target.S3.Concurrency = a.budget().uploads
	}
	a.traceStore(target.S3)
	st, err := f.openS3(ctx, *target.S3)
	if err == nil {
		a.debugStore(st, target.S3)
	}
	return st, err
}

// openDir opens a directory. It refuses settings that only a bucket can keep, lest somebody
// believes that a directory is encrypted.
func (a *app) openDir(path string) (store.Store, error) {
	if name := a.flags.keeping.given(a.lookup); name != "" {
		return nil, usage("%s is for stores in S3, and %s is a directory", name, path)
	}
	st, err := dir.Open(path)
	if err != nil {
		return nil, err
	}
	a.debugStore(st, nil)
	return st, nil
}

// openS3 puts what flags say about transfers above what the URL says.
func (f *flags) openS3(ctx context.Context, o s3.Options) (store.Store, error) {
	o.PartSize = cmp.Or(int64(f.partSize), o.PartSize)
	o.Concurrency = cmp.Or(int(f.concurrency), o.Concurrency)
	o.StallTimeout = time.Duration(f.stall)
	st, err := s3.New(ctx, o)
	switch {
	case err != nil && errors.Unwrap(err) == nil:
		// about the options; errors of the SDK are wrapped
		return nil, usage("store s3://%s: %w", o.Bucket, err)
	case err != nil:
		return nil, fmt.Errorf("store s3://%s: %w", o.Bucket, err)
	}
	return st, nil
}
