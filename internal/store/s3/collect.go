package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
)

// What a Collector needs beyond the permissions in the package comment: s3:DeleteObject,
// s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts.
var _ store.Collector = (*Store)(nil)

// lacks remembers what the server cannot do, so that it is asked once.
type lacks struct {
	batchDelete, conditionalDelete, conditions atomic.Bool
}

// name is the inverse of key.
func (s *Store) name(key *string) (string, bool) {
	name := aws.ToString(key)
	if s.opts.Prefix != "" {
		var ok bool
		if name, ok = strings.CutPrefix(name, s.opts.Prefix+"/"); !ok {
			return "", false
		}
	}
	return name, store.CheckName(name) == nil
}

// List implements store.Collector: one request for 1000 objects, while the loop goes on.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		pages := awss3.NewListObjectsV2Paginator(s.client, &awss3.ListObjectsV2Input{Bucket: &s.opts.Bucket, Prefix: s.key(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(forDocument(ctx))
			if err != nil {
				yield(store.Entry{}, s.fail("list", prefix, s.classify(ctx, err)))
				return
			}
			// an empty list would be a reason to remove things
			if page.Name == nil && page.Prefix == nil && page.KeyCount == nil {
				yield(store.Entry{}, s.fail("list", prefix, s.classify(ctx, errForeign)))
				return
			}
			s.seen.Store(true)
			for _, o := range page.Contents {
				name, ok := s.name(o.Key)
				info := store.Info{Size: aws.ToInt64(o.Size), Version: store.Version(aws.ToString(o.ETag)), ModTime: aws.ToTime(o.LastModified)}
				if ok && !yield(store.Entry{Name: name, Info: info}, nil) {
					return
				}
			}
		}
	}
}

// Delete implements store.Collector.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil || len(names) == 0 {
		return failed
	}
	if s.lacks.batchDelete.Load() {
		return s.deleteEach(ctx, names)
	}
	out, err := s.client.DeleteObjects(ctx, &awss3.DeleteObjectsInput{
		Bucket: &s.opts.Bucket, Delete: &types.Delete{Objects: s.identifiers(names), Quiet: aws.Bool(true)},
		ChecksumAlgorithm: s.algorithm(),
	})
	if notImplemented(err) { // Google's interface for S3 clients, and some gateways
		s.lacks.batchDelete.Store(true)
		return s.deleteEach(ctx, names)
	}
	if err != nil {
		return store.FailAll(names, fmt.Errorf("remove %d objects in bucket %s: %w", len(names), s.opts.Bucket, s.classify(ctx, err)))
	}
	failed, again, err := s.refusals(names, out.Errors)
	if err != nil {
		return store.FailAll(names, err)
	}
	maps.Copy(failed, s.deleteEach(ctx, s.present(ctx, again)))
	if len(failed) == 0 {
		return nil
	}
	return failed
}

// present leaves out objects that do not exist.
func (s *Store) present(ctx context.Context, names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := s.Stat(ctx, name)
		return errors.Is(err, store.ErrNotFound)
	})
}

func (s *Store) identifiers(names []string) []types.ObjectIdentifier {
	ids := make([]types.ObjectIdentifier, len(names))
	for i, n := range names {
		ids[i].Key = s.key(n)
	}
	return ids
}

// refusals reads the errors for single objects in the answer to DeleteObjects, and names those for
// which it is worth asking again: nothing within such an answer is retried by the SDK, and rclone
// has an internal error for what is gone already. An error that is for none of the names may be for
// any: then nobody knows what was removed.
func (s *Store) refusals(names []string, errs []types.Error) (failed map[string]error, again []string, err error) {
	failed = map[string]error{}
	for _, e := range errs {
		name, ok := s.name(e.Key)
		code := aws.ToString(e.Code)
		sentinel := meaning(code, 0)
		if isDeniedCode(code) {
			sentinel = store.ErrDenied
		}
		if !ok || !slices.Contains(names, name) {
			if errors.Is(sentinel, store.ErrNotFound) {
				sentinel = nil
			}
			why := &answer{sentinel: sentinel, err: fmt.Errorf("%s: %s", code, aws.ToString(e.Message))}
			return nil, nil, fmt.Errorf("remove %d objects in bucket %s: an error for %.200q, which is none of them: %w", len(names), s.opts.Bucket, aws.ToString(e.Key), why)
		}
		switch {
		case errors.Is(sentinel, store.ErrNotFound):
		case code == "InternalError" || code == "SlowDown" || code == "ServiceUnavailable":
			again = append(again, name)
		default:
			failed[name] = s.fail("remove", name, &answer{sentinel: sentinel, err: fmt.Errorf("%s: %s", code, aws.ToString(e.Message))})
		}
	}
	return failed, again, nil
}

// deleteEach removes objects one by one, several at once.
func (s *Store) deleteEach(ctx context.Context, names []string) map[string]error {
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(2 * s.opts.Concurrency)
	for i, n := range names {
		g.Go(func() error { errs[i] = s.deleteOne(ctx, n, nil); return nil })
	}
	g.Wait()
	var failed map[string]error
	for i, err := range errs {
		if err != nil {
			if failed == nil {
				failed = map[string]error{}
			}
			failed[names[i]] = s.fail("remove", names[i], err)
		}
	}
	return failed
}

func (s *Store) deleteOne(ctx context.Context, name string, ifMatch *string) error {
	_, err := s.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.opts.Bucket, Key: s.key(name), IfMatch: ifMatch})
	if notImplemented(err) && ifMatch != nil {
		s.lacks.conditionalDelete.Store(true)
		return s.deleteOne(ctx, name, nil)
	}
	if err = s.classify(ctx, err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// DeleteVersion implements store.Collector. The HEAD before is for servers that pass over the
// condition of a DELETE, as Amazon's did before September 2025: there a replacement between the two
// requests is lost.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	info, err := s.Stat(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case info.Version != v:
		return s.fail("remove", name, store.ErrConflict)
	}
	cond := aws.String(string(v))
	if s.lacks.conditionalDelete.Load() {
		cond = nil
	}
	err = s.deleteOne(ctx, name, cond)
	if cond != nil && errors.Is(err, store.ErrConflict) && s.still(ctx, name, v) {
		s.lacks.conditionalDelete.Store(true)
		err = s.deleteOne(ctx, name, nil)
	}
	if err != nil {
		return s.fail("remove", name, err)
	}
	return nil
}

// still reports whether an object is of this version, so that a server which refused the condition
// that it is refuses all of them.
func (s *Store) still(ctx context.Context, name string, v store.Version) bool {
	info, err := s.Stat(ctx, name)
	return err == nil && info.Version == v
}

// notImplemented recognises a server that does not know a request.
func notImplemented(err error) bool {
	switch status(err) {
	case http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return true
	}
	return code(err) == "NotImplemented" || code(err) == "MethodNotAllowed"
}

// touchedWithin is how new an object must be after it was touched. The copy of a large object takes
// a while, and its time is that of the beginning.
const touchedWithin = 10 * time.Minute

// Touch implements store.Toucher with a copy of the object onto itself, for which S3 wants the
// metadata to be replaced: by the same. What a copy resets otherwise is passed on: storage class
// and checksum algorithm. Its encryption is that of the options, or else of the bucket, as if it
// were written anew.
func (s *Store) Touch(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return s.fail("touch", name, err)
	}
	head, err := s.head(ctx, name)
	if err != nil {
		return s.fail("touch", name, err)
	}
	out, err := s.client.CopyObject(ctx, &awss3.CopyObjectInput{
		Bucket: &s.opts.Bucket, Key: s.key(name),
		CopySource:        aws.String(url.PathEscape(s.opts.Bucket) + "/" + escapePath(*s.key(name))),
		CopySourceIfMatch: head.ETag,
		MetadataDirective: types.MetadataDirectiveReplace, Metadata: head.Metadata, ContentType: head.ContentType,
		StorageClass: types.StorageClass(head.StorageClass), ChecksumAlgorithm: s.algorithm(),
	})
	if err != nil {
		// more than 5 GB, or no copies onto itself
		if notImplemented(err) || code(err) == "InvalidRequest" {
			err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		} else {
			err = s.classify(ctx, err)
		}
		return s.fail("touch", name, err)
	}
	if err := s.encrypted(out.ResultMetadata); err != nil {
		return s.fail("touch", name, err)
	}
	// Some servers keep the time of a copy onto itself, versitygw among them.
	now, ok := middleware.GetServerTime(out.ResultMetadata)
	if !ok {
		now = time.Now()
	}
	if r := out.CopyObjectResult; r == nil || now.Sub(aws.ToTime(r.LastModified)) > touchedWithin {
		return s.fail("touch", name, fmt.Errorf("%w: the server keeps the time", errors.ErrUnsupported))
	}
	return nil
}

// escapePath escapes the elements of a key for the header of a copy.
func escapePath(key string) string {
	elems := strings.Split(key, "/")
	for i, e := range elems {
		elems[i] = url.PathEscape(e)
	}
	// PathEscape leaves "+", which some servers take for a space.
	return strings.ReplaceAll(strings.Join(elems, "/"), "+", "%2B")
}

// Uploads implements store.Collector. The size of an upload costs a request more.
//
// All uploads of the bucket are listed, as some servers (MinIO) take a prefix for a whole name.
// Only where that is not allowed, as by a policy that has a condition on the prefix, it is sent.
func (s *Store) Uploads(ctx context.Context, prefix string, before time.Time) iter.Seq2[store.Upload, error] {
	return func(yield func(store.Upload, error) bool) {
		var none string
		in := &awss3.ListMultipartUploadsInput{Bucket: &s.opts.Bucket, Prefix: &none}
		page, err := s.client.ListMultipartUploads(ctx, in)
		if errors.Is(s.classify(ctx, err), store.ErrDenied) {
			in.Prefix = s.key(prefix)
			page, err = s.client.ListMultipartUploads(ctx, in)
		}
		for ; ; page, err = s.client.ListMultipartUploads(ctx, in) {
			if err != nil {
				yield(store.Upload{}, s.fail("list uploads to", prefix, s.classify(ctx, err)))
				return
			}
			for _, u := range page.Uploads {
				name, ok := s.name(u.Key)
				if !ok || !strings.HasPrefix(name, prefix) || !aws.ToTime(u.Initiated).Before(before) {
					continue
				}
				up := store.Upload{Name: name, ID: aws.ToString(u.UploadId), Started: aws.ToTime(u.Initiated)}
				up.Size = s.partsSize(ctx, u)
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

// partsSize sums up what was uploaded so far; 0 if that cannot be found out, which only a report
// misses.
func (s *Store) partsSize(ctx context.Context, u types.MultipartUpload) (n int64) {
	pages := awss3.NewListPartsPaginator(s.client, &awss3.ListPartsInput{Bucket: &s.opts.Bucket, Key: u.Key, UploadId: u.UploadId})
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

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(ctx context.Context, u store.Upload) error {
	_, err := s.client.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{
		Bucket: &s.opts.Bucket, Key: s.key(u.Name), UploadId: &u.ID,
	})
	if err = s.classify(ctx, err); err == nil || code(err) == "NoSuchUpload" || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return s.fail("abort upload to", u.Name, err)
}
