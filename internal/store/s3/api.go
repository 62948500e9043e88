package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
)

// api is what all operations on the bucket share. Its fields do not change after New.
type api struct {
	opts   Options // complete
	bucket bucket
	client *awss3.Client
	access *access // guards itself
}

// A bucket says where objects are: it maps their names to keys, and back.
type bucket struct {
	name   string
	prefix string // of all keys, without slashes at its ends; may be empty
}

// key returns the key of an object, or of a prefix of object names that of the keys.
func (b bucket) key(name string) *string {
	if b.prefix != "" {
		name = b.prefix + "/" + name
	}
	return aws.String(name)
}

// object is the inverse of key; ok is false for keys that are not those of objects.
func (b bucket) object(key *string) (name string, ok bool) {
	name = aws.ToString(key)
	if b.prefix != "" {
		if name, ok = strings.CutPrefix(name, b.prefix+"/"); !ok {
			return "", false
		}
	}
	return name, store.CheckName(name) == nil
}

// fail names the operation, the object and the bucket.
func (a *api) fail(op, name string, err error) error {
	return store.Failed(op, name, "in", "bucket "+a.bucket.name, err)
}

// stat returns the Info of an object.
func (a *api) stat(ctx context.Context, name string) (store.Info, error) {
	if err := store.CheckName(name); err != nil {
		return store.Info{}, a.fail("look up", name, err)
	}
	out, err := a.head(ctx, name)
	if err != nil {
		return store.Info{}, a.fail("look up", name, err)
	}
	return infoOf(out), nil
}

func (a *api) head(ctx context.Context, name string) (*awss3.HeadObjectOutput, error) {
	in := &awss3.HeadObjectInput{Bucket: &a.bucket.name, Key: a.bucket.key(name)}
	out, err := a.client.HeadObject(forObject(ctx), in)
	if status(err) == http.StatusBadRequest {
		if err = a.askReason(ctx, name); err == nil {
			out, err = a.client.HeadObject(forObject(ctx), in)
		}
	}
	if err != nil {
		return nil, a.explainHead(ctx, a.classify(ctx, err))
	}
	a.access.sawObject()
	return out, nil
}

// askReason repeats a HEAD that was answered with 400 as a GET of one byte, because the answer to
// that has a body that says why: mostly that the credentials have expired. It returns nil if they
// were renewed.
func (a *api) askReason(ctx context.Context, name string) error {
	out, err := a.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &a.bucket.name, Key: a.bucket.key(name), Range: aws.String("bytes=0-0")})
	if err == nil {
		return out.Body.Close()
	}
	if status(err) == http.StatusRequestedRangeNotSatisfiable { // an empty object
		return nil
	}
	return err
}

// explainHead tells a missing bucket from a missing object, because the 404 of a HEAD has no body
// that would say which. It sends one more request, but only until the bucket has been seen.
func (a *api) explainHead(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrNotFound) || a.access.seen.Load() {
		return err
	}
	_, berr := a.client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &a.bucket.name})
	if berr == nil {
		a.access.seen.Store(true)
		return err
	}
	if berr = a.classify(ctx, berr); errors.Is(berr, store.ErrNotFound) || errors.Is(berr, store.ErrNoStore) {
		return fmt.Errorf("%w: no such bucket", store.ErrNoStore)
	}
	return err
}

func infoOf(out *awss3.HeadObjectOutput) store.Info {
	return store.Info{
		Size: aws.ToInt64(out.ContentLength), Version: store.Version(aws.ToString(out.ETag)), ModTime: aws.ToTime(out.LastModified),
	}
}
