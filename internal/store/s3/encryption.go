package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/org/gocache-action/internal/store/wire"
)

// ErrNotEncrypted means that the server did not encrypt as it was asked to. Several servers ignore
// encryption headers that they do not support, and would store unencrypted what its owner believes
// to be encrypted.
var ErrNotEncrypted = errors.New("the server does not encrypt as it was asked to")

// Algorithms of Encryption.
const (
	SSES3      = "AES256"       // with keys of the server
	SSEKMS     = "aws:kms"      // with a key of a key management service
	SSEKMSDual = "aws:kms:dsse" // the same, in two layers
)

// Encryption says how the server encrypts objects at rest. The zero value leaves that to the
// bucket.
type Encryption struct {
	Algorithm string // one of the constants, or ""
	KMSKeyID  string // ID, ARN or alias, with SSEKMS and SSEKMSDual; "": the default key
	BucketKey bool   // with SSEKMS: one request to the key service serves many objects
	// CustomerKey is used instead of a key of the server (SSE-C); nil: none. Each request that
	// reads or writes carries it.
	CustomerKey *CustomerKey
}

// A CustomerKey is an AES-256 key. Printing it does not show it.
type CustomerKey [32]byte

// ParseCustomerKey reads a key: 32 raw bytes, or their base64 with white space around it. Errors do
// not quote the input.
func ParseCustomerKey(data []byte) (*CustomerKey, error) {
	key := new(CustomerKey)
	if len(data) == len(key) {
		copy(key[:], data)
		return key, nil
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(data)))
	if err != nil || len(raw) != len(key) {
		return nil, errors.New("not a key of 32 bytes, nor one in base64")
	}
	copy(key[:], raw)
	return key, nil
}

// Format implements fmt.Formatter, for all verbs.
func (k CustomerKey) Format(f fmt.State, _ rune) { f.Write([]byte("customer key")) }

// MarshalText keeps the key out of JSON.
func (k CustomerKey) MarshalText() ([]byte, error) { return []byte("customer key"), nil }

// encoded returns the values of the headers for a key.
func (k *CustomerKey) encoded() (key, sum string) {
	hash := md5.Sum(k[:]) // required by the protocol, to detect mistakes
	return base64.StdEncoding.EncodeToString(k[:]), base64.StdEncoding.EncodeToString(hash[:])
}

// check rejects invalid combinations, which a server would answer with a 400 for each object.
func (e *Encryption) check() error {
	kms := e.Algorithm == SSEKMS || e.Algorithm == SSEKMSDual
	switch {
	case !slices.Contains([]string{"", SSES3, SSEKMS, SSEKMSDual}, e.Algorithm):
		return fmt.Errorf("server-side encryption %q is not one of %s, %s and %s", e.Algorithm, SSES3, SSEKMS, SSEKMSDual)
	case e.KMSKeyID != "" && !kms:
		return fmt.Errorf("a KMS key goes with the server-side encryption %s or %s only", SSEKMS, SSEKMSDual)
	case e.BucketKey && e.Algorithm != SSEKMS:
		return fmt.Errorf("a bucket key goes with the server-side encryption %s only", SSEKMS)
	case e.CustomerKey != nil && e.Algorithm != "":
		return fmt.Errorf("a customer key and the server-side encryption %s exclude each other", e.Algorithm)
	case !isHeaderValue(e.KMSKeyID):
		return errors.New("the KMS key has characters that no key ID has")
	}
	return nil
}

// archives are storage classes whose objects have to be restored for hours before they can be read,
// which makes them useless for a cache.
var archives = []string{"GLACIER", "DEEP_ARCHIVE"}

// checkClass accepts unknown classes, because other servers have classes of their own.
func checkClass(class string) error {
	switch {
	case slices.Contains(archives, strings.ToUpper(class)):
		return fmt.Errorf("storage class %s is an archive, whose objects cannot be read at once", class)
	case !isHeaderValue(class):
		return errors.New("the storage class has characters that none has")
	}
	return nil
}

// isHeaderValue reports whether s is visible ASCII without spaces.
func isHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// plainPath reports whether requests to a URL can be read on the way: it is http, and not on this
// machine.
func plainPath(u *url.URL) bool {
	return u.Scheme == "http" && !wire.Loopback(u.Hostname())
}

var errPlainKey = errors.New("a customer key needs an https endpoint: it would be readable on the way")

// Headers of encryption and payment, in canonical form.
const (
	sseHeader      = "X-Amz-Server-Side-Encryption"
	kmsKeyHeader   = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	bucketHeader   = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	customerPrefix = "X-Amz-Server-Side-Encryption-Customer-"
	copyPrefix     = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
	classHeader    = "X-Amz-Storage-Class"
	payerHeader    = "X-Amz-Request-Payer"
)

// Which of these headers each operation takes, according to the Amazon S3 API reference. Both a
// header too many, such as an algorithm with GetObject or UploadPart, and a missing one are
// answered with 400.
const (
	takesAlgorithm   = 1 << iota // for an object that is written
	takesClass                   // for an object that is written
	takesCustomerKey             // to read or to write an object
	takesSourceKey               // to read the source of a copy
)

var takes = map[string]int{
	"PutObject":               takesAlgorithm | takesClass | takesCustomerKey,
	"CreateMultipartUpload":   takesAlgorithm | takesClass | takesCustomerKey,
	"UploadPart":              takesCustomerKey,
	"CompleteMultipartUpload": takesCustomerKey, // for uploads with checksums
	"ListParts":               takesCustomerKey, // the same
	"GetObject":               takesCustomerKey,
	"HeadObject":              takesCustomerKey,
	// touch passes the class in a field of the request.
	"CopyObject": takesAlgorithm | takesCustomerKey | takesSourceKey,
}

// passOn puts the headers of encryption, storage class and payment into each request that takes
// them. It does so in one place for all operations, so that none is forgotten, and before requests
// are signed, since the signature covers the headers.
type passOn struct{ o *Options }

func (passOn) ID() string { return "GocachePassOn" }

func (p passOn) add(stack *middleware.Stack) error { return stack.Build.Add(p, middleware.After) }

// HandleBuild implements middleware.BuildMiddleware.
func (p passOn) HandleBuild(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return middleware.BuildOutput{}, middleware.Metadata{}, fmt.Errorf("request of type %T", in.Request)
	}
	p.set(req.Header, takes[awsmiddleware.GetOperationName(ctx)])
	return next.HandleBuild(ctx, in)
}

func (p passOn) set(h http.Header, takes int) {
	if p.o.RequesterPays {
		h.Set(payerHeader, "requester")
	}
	if takes&takesClass != 0 && p.o.StorageClass != "" {
		h.Set(classHeader, p.o.StorageClass)
	}
	e := &p.o.Encryption
	if takes&takesAlgorithm != 0 && e.Algorithm != "" {
		h.Set(sseHeader, e.Algorithm)
		if e.KMSKeyID != "" {
			h.Set(kmsKeyHeader, e.KMSKeyID)
		}
		if e.BucketKey {
			h.Set(bucketHeader, "true")
		}
	}
	if e.CustomerKey == nil {
		return
	}
	for bit, prefix := range map[int]string{takesCustomerKey: customerPrefix, takesSourceKey: copyPrefix} {
		if takes&bit != 0 {
			key, sum := e.CustomerKey.encoded()
			h.Set(prefix+"Algorithm", SSES3)
			h.Set(prefix+"Key", key)
			h.Set(prefix+"Key-Md5", sum)
		}
	}
}

// confirm checks that the answer to a request that makes an object says that the object is
// encrypted as asked for.
func (e *Encryption) confirm(answer middleware.Metadata) error {
	if e.Algorithm == "" && e.CustomerKey == nil {
		return nil
	}
	resp, ok := awsmiddleware.GetRawResponse(answer).(*smithyhttp.Response)
	if !ok {
		return fmt.Errorf("%w: no answer", ErrNotEncrypted)
	}
	if e.CustomerKey == nil {
		if got := resp.Header.Get(sseHeader); got != e.Algorithm {
			return fmt.Errorf("%w: %s instead of %s", ErrNotEncrypted, cmp.Or(got, "nothing"), e.Algorithm)
		}
		return nil
	}
	if _, sum := e.CustomerKey.encoded(); resp.Header.Get(customerPrefix+"Key-Md5") != sum {
		return fmt.Errorf("%w: not with the customer key", ErrNotEncrypted)
	}
	return nil
}
