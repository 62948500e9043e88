package s3

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
)

// The SDK's feature/s3/transfermanager (v0.5.5) was tried and rejected: it copies bodies that have
// random access, bounds memory per call instead of per store, goes on sending parts after one has
// failed, does not notice a body that is shorter than announced, and writes to the process's log.

// cleanupTimeout bounds the requests that must be sent even after ctx was cancelled.
const cleanupTimeout = 10 * time.Second

// upload is one multipart upload; its parts run in parallel.
type upload struct {
	*write
	id  *string
	cut atomic.Bool // a part got no answer, so the server may still be storing it

	mu   sync.Mutex
	done []types.CompletedPart
	size int64
}

// multipart sends first and all parts after it. When it returns an error, the upload has been
// aborted and all its goroutines have ended.
func (w *write) multipart(ctx context.Context, first *parts.Part, split *parts.Splitter) (store.Info, error) {
	u := &upload{write: w}
	err := u.create(ctx)
	switch {
	case err == nil:
		err = u.sendAll(ctx, first, split)
	case u.id == nil:
		first.Done()
		return store.Info{}, err
	default: // there is an upload, but it is not encrypted as asked for
		first.Done()
	}
	if err == nil {
		var info store.Info
		if info, err = u.complete(ctx); err == nil {
			return info, nil
		}
	}
	if aerr := u.abort(ctx, err); aerr != nil {
		err = fmt.Errorf("%w (and its parts stay in the bucket: %w)", err, aerr)
	}
	return store.Info{}, err
}

// create is not interrupted by ctx: if nobody read the answer, an upload would remain whose ID
// nobody knows.
func (u *upload) create(ctx context.Context) error {
	cctx, cancel := store.Cleanup(ctx, stalledSends*u.api.opts.StallTimeout+cleanupTimeout, nil)
	defer cancel()
	out, err := u.api.client.CreateMultipartUpload(forDocument(cctx), &awss3.CreateMultipartUploadInput{
		Bucket: &u.api.bucket.name, Key: u.api.bucket.key(u.name),
		ChecksumAlgorithm: u.api.opts.algorithm(),
		Metadata:          u.metadata(),
	})
	if err == nil && aws.ToString(out.UploadId) == "" {
		err = errForeign
	}
	if err != nil {
		return u.api.classify(ctx, err)
	}
	u.id = out.UploadId
	return u.api.opts.Encryption.confirm(out.ResultMetadata)
}

// sendAll sends the parts while it cuts them. It returns when no part is in flight.
func (u *upload) sendAll(ctx context.Context, p *parts.Part, split *parts.Splitter) error {
	g, gctx := errgroup.WithContext(ctx)
	for number := int32(1); ; number++ {
		if number > maxParts {
			p.Done()
			g.Go(func() error {
				return fmt.Errorf("more than %d parts of %d bytes: raise the part size", maxParts, split.PartSize())
			})
			break
		}
		if now := p; now.Size > 0 {
			g.Go(func() error { return u.send(gctx, number, now) })
		} else {
			now.Done()
		}
		if p.Last {
			break
		}
		var err error
		if p, err = split.Next(gctx); err != nil {
			g.Go(func() error { return err })
			break
		}
	}
	return g.Wait()
}

func (u *upload) send(ctx context.Context, number int32, p *parts.Part) error {
	defer p.Done()
	out, err := u.api.client.UploadPart(forObject(ctx), &awss3.UploadPartInput{
		Bucket: &u.api.bucket.name, Key: u.api.bucket.key(u.name), UploadId: u.id,
		PartNumber: &number, Body: p.Body, ContentLength: &p.Size,
		ChecksumAlgorithm: u.api.opts.algorithm(), ChecksumCRC32C: u.api.opts.checksum(p),
	}, u.api.opts.payload)
	if err != nil {
		u.cut.CompareAndSwap(false, status(err) == 0)
		return u.api.classify(ctx, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.size += p.Size
	u.done = append(u.done, types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32C: u.api.opts.checksum(p)})
	return nil
}

func (u *upload) complete(ctx context.Context) (store.Info, error) {
	slices.SortFunc(u.done, func(a, b types.CompletedPart) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	counted, attempts := countAttempts(ctx)
	out, err := u.api.client.CompleteMultipartUpload(forDocument(counted), &awss3.CompleteMultipartUploadInput{
		Bucket: &u.api.bucket.name, Key: u.api.bucket.key(u.name), UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done},
		IfMatch:         u.ifMatch(), IfNoneMatch: u.ifNoneMatch(),
	})
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errForeign
	}
	if err == nil {
		return store.Info{Size: u.size, Version: store.Version(aws.ToString(out.ETag))}, nil
	}
	return u.settle(ctx, u.api.classify(ctx, u.refused(err)), attempts.Load() > 1)
}

// abort removes the parts after the error why, even if ctx was cancelled. It takes at most
// cleanupTimeout, or less if store.Cleanup says so.
//
// If the request for a part was cut off, the server may store that part after the first abort. For
// this case the documentation of AbortMultipartUpload says to abort "multiple times"; with
// versitygw it happens within a few dozen cancelled uploads. So abort repeats the request twice.
func (u *upload) abort(ctx context.Context, why error) error {
	actx, cancel := store.Cleanup(ctx, min(cleanupTimeout, u.api.opts.StallTimeout), why)
	defer cancel()
	err := abortUpload(actx, u.api, u.name, *u.id)
	if !u.cut.Load() {
		return err
	}
	for _, pause := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond} {
		if !store.Sleep(actx, pause) {
			break
		}
		err = abortUpload(actx, u.api, u.name, *u.id)
	}
	return err
}
