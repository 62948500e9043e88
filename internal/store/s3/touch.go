package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/org/gocache-action/internal/store"
)

// touchedWithin is how new an object must be after it was touched. Copying a large object takes a
// while, and the copy has the time at which that began.
const touchedWithin = 10 * time.Minute

// touch copies the object onto itself. S3 allows that only if the metadata is replaced, so touch
// sends the same metadata again. It also sends the storage class and the checksum algorithm, which
// a copy would reset. The copy is encrypted like a new object: as the options say, or else the
// bucket.
func touch(ctx context.Context, a *api, name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	head, err := a.head(ctx, name)
	if err != nil {
		return err
	}
	out, err := a.client.CopyObject(ctx, &awss3.CopyObjectInput{
		Bucket: &a.bucket.name, Key: a.bucket.key(name),
		CopySource:        aws.String(url.PathEscape(a.bucket.name) + "/" + escapePath(*a.bucket.key(name))),
		CopySourceIfMatch: head.ETag,
		MetadataDirective: types.MetadataDirectiveReplace, Metadata: head.Metadata, ContentType: head.ContentType,
		StorageClass: types.StorageClass(head.StorageClass), ChecksumAlgorithm: a.opts.algorithm(),
	})
	if err != nil {
		// the object is larger than 5 GB, or the server does not copy objects onto themselves
		if notImplemented(err) || code(err) == "InvalidRequest" {
			err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		} else {
			err = a.classify(ctx, err)
		}
		return err
	}
	if err := a.opts.Encryption.confirm(out.ResultMetadata); err != nil {
		return err
	}
	// Some servers, such as versitygw, keep the time when an object is copied onto itself.
	now, ok := middleware.GetServerTime(out.ResultMetadata)
	if !ok {
		now = time.Now()
	}
	if r := out.CopyObjectResult; r == nil || now.Sub(aws.ToTime(r.LastModified)) > touchedWithin {
		return fmt.Errorf("%w: the server keeps the time", errors.ErrUnsupported)
	}
	return nil
}

// escapePath escapes the elements of a key for the header of a copy.
func escapePath(key string) string {
	elems := strings.Split(key, "/")
	for i, e := range elems {
		elems[i] = url.PathEscape(e)
	}
	// PathEscape leaves "+" as it is, which some servers read as a space.
	return strings.ReplaceAll(strings.Join(elems, "/"), "+", "%2B")
}
