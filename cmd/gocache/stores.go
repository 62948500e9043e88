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
		return dir.Open(path)
	}
	target, err := open.Parse(f.store)
	switch {
	case err != nil:
		return nil, usage("%w", err)
	case target.S3 == nil:
		return dir.Open(target.Dir)
	}
	a.role(target.S3)
	if target.S3.Concurrency == 0 && target.S3.PartSize == 0 && f.partSize == 0 {
		target.S3.Concurrency = a.budget().uploads
	}
	return f.openS3(ctx, *target.S3)
}

// openS3 puts what flags say about transfers above what the URL says.
func (f *flags) openS3(ctx context.Context, o s3.Options) (store.Store, error) {
	o.PartSize = cmp.Or(int64(f.partSize), o.PartSize)
	o.Concurrency = cmp.Or(f.concurrency, o.Concurrency)
	o.StallTimeout = time.Duration(f.stall)
	st, err := s3.New(ctx, o)
	switch {
	case err != nil && errors.Unwrap(err) == nil: // about the options; errors of the SDK are wrapped
		return nil, usage("store s3://%s: %w", o.Bucket, err)
	case err != nil:
		return nil, fmt.Errorf("store s3://%s: %w", o.Bucket, err)
	}
	return st, nil
}
