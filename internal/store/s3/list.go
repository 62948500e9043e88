package s3

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/org/gocache-action/internal/store"
)

// Besides the permissions in the package comment, a Collector needs s3:DeleteObject,
// s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts.

// list yields the objects whose names begin with prefix, page by page.
func list(ctx context.Context, a *api, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		pages := awss3.NewListObjectsV2Paginator(a.client, &awss3.ListObjectsV2Input{Bucket: &a.bucket.name, Prefix: a.bucket.key(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(forDocument(ctx))
			if err != nil {
				yield(store.Entry{}, a.fail("list", prefix, a.classify(ctx, err)))
				return
			}
			// taking a foreign answer for an empty list could make a collection remove objects
			if page.Name == nil && page.Prefix == nil && page.KeyCount == nil {
				yield(store.Entry{}, a.fail("list", prefix, a.classify(ctx, errForeign)))
				return
			}
			a.access.seen.Store(true)
			for _, o := range page.Contents {
				name, ok := a.bucket.object(o.Key)
				info := store.Info{Size: aws.ToInt64(o.Size), Version: store.Version(aws.ToString(o.ETag)), ModTime: aws.ToTime(o.LastModified)}
				if ok && !yield(store.Entry{Name: name, Info: info}, nil) {
					return
				}
			}
		}
	}
}

// listUploads yields the unfinished uploads to objects whose names begin with prefix.
//
// It lists all uploads of the bucket, because some servers (MinIO) take a prefix for a whole name.
// It sends the prefix only where that is denied, for example by a policy with a condition on the
// prefix.
func listUploads(ctx context.Context, a *api, prefix string, before time.Time) iter.Seq2[store.Upload, error] {
	return func(yield func(store.Upload, error) bool) {
		var none string
		in := &awss3.ListMultipartUploadsInput{Bucket: &a.bucket.name, Prefix: &none}
		page, err := a.client.ListMultipartUploads(ctx, in)
		if errors.Is(a.classify(ctx, err), store.ErrDenied) {
			in.Prefix = a.bucket.key(prefix)
			page, err = a.client.ListMultipartUploads(ctx, in)
		}
		for ; ; page, err = a.client.ListMultipartUploads(ctx, in) {
			if err != nil {
				yield(store.Upload{}, a.fail("list uploads to", prefix, a.classify(ctx, err)))
				return
			}
			for _, u := range page.Uploads {
				name, ok := a.bucket.object(u.Key)
				if !ok || !strings.HasPrefix(name, prefix) || !aws.ToTime(u.Initiated).Before(before) {
					continue
				}
				up := store.Upload{Name: name, ID: aws.ToString(u.UploadId), Started: aws.ToTime(u.Initiated)}
				up.Size = partsSize(ctx, a, u)
				if !yield(up, nil) {
					return
				}
			}
			if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextKeyMarker)+aws.ToString(page.NextUploadIdMarker) == "" {
				return
			}
			in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
		}
	}
}

// partsSize adds up what was uploaded so far. It is 0 where the server does not say, which only
// makes a report less exact.
func partsSize(ctx context.Context, a *api, u types.MultipartUpload) (n int64) {
	pages := awss3.NewListPartsPaginator(a.client, &awss3.ListPartsInput{Bucket: &a.bucket.name, Key: u.Key, UploadId: u.UploadId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return n
		}
		for _, p := range page.Parts {
			n += aws.ToInt64(p.Size)
		}
	}
	return n
}

// abortUpload removes the parts of an upload. One that was completed or aborted already, perhaps by
// an attempt whose answer was lost, is no error.
func abortUpload(ctx context.Context, a *api, name, id string) error {
	_, err := a.client.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{
		Bucket: &a.bucket.name, Key: a.bucket.key(name), UploadId: &id,
	})
	if err = a.classify(ctx, err); err == nil || code(err) == "NoSuchUpload" || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
