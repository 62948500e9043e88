package s3

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
)

// remover removes objects. Its flags remember what the server has turned out not to support, so
// that it is asked only once.
type remover struct {
	api          *api
	noBatches    atomic.Bool // DeleteObjects
	noConditions atomic.Bool // If-Match of DeleteObject
}

func newRemover(a *api) *remover {
	r := &remover{api: a}
	r.noBatches.Store(a.opts.NoChecksums) // that request must have a checksum
	return r
}

// all removes objects in one request if the server can, or else one by one. It returns the reason
// for each object that was not, or may not have been, removed.
func (r *remover) all(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil || len(names) == 0 {
		return failed
	}
	if r.noBatches.Load() {
		return r.each(ctx, names)
	}
	out, err := r.api.client.DeleteObjects(ctx, &awss3.DeleteObjectsInput{
		Bucket: &r.api.bucket.name, Delete: &types.Delete{Objects: r.identifiers(names), Quiet: aws.Bool(true)},
		ChecksumAlgorithm: r.api.opts.algorithm(),
	})
	if notImplemented(err) { // Google's interface for S3 clients, and some gateways
		r.noBatches.Store(true)
		return r.each(ctx, names)
	}
	if err != nil {
		return store.FailAll(names, fmt.Errorf("remove %d objects in bucket %s: %w", len(names), r.api.bucket.name, r.api.classify(ctx, err)))
	}
	failed, again, err := r.refusals(names, out.Errors)
	if err != nil {
		return store.FailAll(names, err)
	}
	maps.Copy(failed, r.each(ctx, r.present(ctx, again)))
	if len(failed) == 0 {
		return nil
	}
	return failed
}

// present leaves out objects that do not exist.
func (r *remover) present(ctx context.Context, names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := r.api.stat(ctx, name)
		return errors.Is(err, store.ErrNotFound)
	})
}

func (r *remover) identifiers(names []string) []types.ObjectIdentifier {
	ids := make([]types.ObjectIdentifier, len(names))
	for i, n := range names {
		ids[i].Key = r.api.bucket.key(n)
	}
	return ids
}

// refusals reads the errors for single objects in the answer to DeleteObjects. The names in again
// are worth another request: the SDK retries nothing within such an answer, and rclone reports an
// internal error for objects that are gone already. If an error is for none of the names, it may be
// for any of them, so nobody knows what was removed: then refusals fails.
func (r *remover) refusals(names []string, errs []types.Error) (failed map[string]error, again []string, err error) {
	failed = map[string]error{}
	for _, e := range errs {
		name, ok := r.api.bucket.object(e.Key)
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
			return nil, nil, fmt.Errorf("remove %d objects in bucket %s: an error for %.200q, which is none of them: %w", len(names), r.api.bucket.name, aws.ToString(e.Key), why)
		}
		switch {
		case errors.Is(sentinel, store.ErrNotFound):
		case code == "InternalError" || code == "SlowDown" || code == "ServiceUnavailable":
			again = append(again, name)
		default:
			failed[name] = r.api.fail("remove", name, &answer{sentinel: sentinel, err: fmt.Errorf("%s: %s", code, aws.ToString(e.Message))})
		}
	}
	return failed, again, nil
}

// each removes objects one by one, several at once.
func (r *remover) each(ctx context.Context, names []string) map[string]error {
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(2 * r.api.opts.Concurrency)
	for i, n := range names {
		g.Go(func() error { errs[i] = r.one(ctx, n, nil); return nil })
	}
	g.Wait()
	var failed map[string]error
	for i, err := range errs {
		if err != nil {
			if failed == nil {
				failed = map[string]error{}
			}
			failed[names[i]] = r.api.fail("remove", names[i], err)
		}
	}
	return failed
}

func (r *remover) one(ctx context.Context, name string, ifMatch *string) error {
	_, err := r.api.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &r.api.bucket.name, Key: r.api.bucket.key(name), IfMatch: ifMatch})
	if notImplemented(err) && ifMatch != nil {
		r.noConditions.Store(true)
		return r.one(ctx, name, nil)
	}
	if err = r.api.classify(ctx, err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// version removes an object if it still is exactly this version. It sends a HEAD first, for servers
// that ignore the condition of a DELETE, as Amazon's did before September 2025. With those, a
// replacement between the two requests is lost.
func (r *remover) version(ctx context.Context, name string, v store.Version) error {
	info, err := r.api.stat(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case info.Version != v:
		return r.api.fail("remove", name, store.ErrConflict)
	}
	cond := aws.String(string(v))
	if r.noConditions.Load() {
		cond = nil
	}
	err = r.one(ctx, name, cond)
	if cond != nil && errors.Is(err, store.ErrConflict) && r.still(ctx, name, v) {
		r.noConditions.Store(true)
		err = r.one(ctx, name, nil)
	}
	if err != nil {
		return r.api.fail("remove", name, err)
	}
	return nil
}

// still reports whether an object is of this version. If it is, a server that refused a condition
// saying so refuses all conditions.
func (r *remover) still(ctx context.Context, name string, v store.Version) bool {
	info, err := r.api.stat(ctx, name)
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
