package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// ServerTime asks the server for the time, which every answer has, also one that denies.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	out, err := s.api.client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &s.api.bucket.name})
	if err == nil {
		if t, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok {
			return t, nil
		}
		return time.Time{}, fmt.Errorf("bucket %s: the answers have no time", s.api.bucket.name)
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		if t, parseErr := http.ParseTime(answer.Response.Header.Get("Date")); parseErr == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("bucket %s: %w", s.api.bucket.name, s.api.classify(ctx, err))
}

// RefusesDamage writes an object whose bytes do not match their checksum, and reports whether the
// server refuses it, as it should. If it does not, the object is there. Without checksums the error
// is errors.ErrUnsupported.
func (s *Store) RefusesDamage(ctx context.Context, name string) (bool, error) {
	if s.api.opts.NoChecksums {
		return false, fmt.Errorf("bucket %s: checksums are off: %w", s.api.bucket.name, errors.ErrUnsupported)
	}
	body := []byte("damaged on the way")
	other := newCRC()
	other.Write([]byte("as it was sent"))
	_, err := s.api.client.PutObject(forObject(ctx), &awss3.PutObjectInput{
		Bucket: &s.api.bucket.name, Key: s.api.bucket.key(name),
		Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
		ChecksumAlgorithm: s.api.opts.algorithm(), ChecksumCRC32C: aws.String(base64.StdEncoding.EncodeToString(other.Sum(nil))),
	}, s.api.opts.payload)
	switch {
	case err == nil:
		return false, nil
	case status(err) == http.StatusBadRequest:
		return true, nil
	}
	return false, s.api.fail("write", name, s.api.classify(ctx, err))
}
