package s3

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
)

// writerKey is the user metadata that identifies the Put which wrote an object. A Put whose first
// answer was lost recognises its own success by it, instead of reporting the conflict that its
// second attempt met.
const writerKey = "gocache-writer"

// uploader writes objects. All its Puts share the memory for parts.
type uploader struct {
	api   *api
	parts *parts.Pool // guards itself
	// The server has no conditional writes, as the options say or as it turned out.
	noConditions atomic.Bool
}

func newUploader(a *api) *uploader {
	u := &uploader{api: a, parts: parts.NewPool(a.opts.PartSize, a.opts.Concurrency)}
	u.noConditions.Store(a.opts.NoConditions)
	return u
}

func (u *uploader) put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), cond.Check(), ctx.Err()); err != nil {
		return store.Info{}, err
	}
	if u.noConditions.Load() && (cond != store.Condition{}) {
		return store.Info{}, store.ErrNoConditions
	}
	info, err := u.send(ctx, name, body, size, cond)
	if err == nil {
		u.api.access.seen.Store(true)
	}
	return info, err
}

// send sends body in one request, or in parts.
func (u *uploader) send(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	split, err := parts.NewSplitter(u.parts, body, size, parts.Options{Sum: newCRC, Max: maxParts})
	if err != nil {
		return store.Info{}, err
	}
	w := &write{api: u.api, noConditions: &u.noConditions, name: name, cond: cond, id: rand.Text()}
	first, err := split.Next(ctx)
	if err != nil {
		return store.Info{}, err
	}
	if first.Last {
		defer first.Done()
		return w.single(ctx, first)
	}
	return w.multipart(ctx, first, split)
}

// write is one Put. Its id is stored with conditional writes and with writes in parts, because they
// cannot simply be sent again: a condition may be broken by the first attempt itself, and the
// second completion finds no upload any more.
type write struct {
	api          *api
	noConditions *atomic.Bool // the uploader's
	name         string
	cond         store.Condition
	id           string // random
}

func (w *write) ifMatch() *string {
	if w.cond.IfMatch == "" {
		return nil
	}
	return aws.String(string(w.cond.IfMatch))
}

func (w *write) ifNoneMatch() *string {
	if !w.cond.IfAbsent {
		return nil
	}
	return aws.String("*")
}

func (w *write) metadata() map[string]string { return map[string]string{writerKey: w.id} }

func (w *write) conditional() bool { return w.cond != store.Condition{} }

func (w *write) single(ctx context.Context, p *parts.Part) (store.Info, error) {
	in := &awss3.PutObjectInput{
		Bucket: &w.api.bucket.name, Key: w.api.bucket.key(w.name),
		Body: p.Body, ContentLength: &p.Size,
		ChecksumAlgorithm: w.api.opts.algorithm(), ChecksumCRC32C: w.api.opts.checksum(p),
		IfMatch: w.ifMatch(), IfNoneMatch: w.ifNoneMatch(),
	}
	if w.conditional() {
		in.Metadata = w.metadata()
	}
	// Once all attempts of the SDK failed, only the transport knows how many there were.
	counted, attempts := countAttempts(ctx)
	out, err := w.api.client.PutObject(forObject(counted), in, w.api.opts.payload)
	if err == nil {
		return store.Info{Size: p.Size, Version: store.Version(aws.ToString(out.ETag))}, w.api.opts.Encryption.confirm(out.ResultMetadata)
	}
	err = w.api.classify(ctx, w.refused(err))
	if !w.conditional() {
		return store.Info{}, err
	}
	return w.settle(ctx, err, attempts.Load() > 1)
}

// unsignedPayload leaves the body out of the signature, to save a SHA-256 of all its bytes. The
// CRC32C of the body is in a signed header, which detects transmission errors. Against attackers,
// https protects the connection, and every reader verifies hashes of its own.
var unsignedPayload = awss3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)

// payload sets how bodies are signed. Without checksums, the signature has to protect them.
func (o *Options) payload(so *awss3.Options) {
	if !o.NoChecksums {
		unsignedPayload(so)
	}
}

// algorithm and checksum return what requests say about their bodies.
func (o *Options) algorithm() types.ChecksumAlgorithm {
	if o.NoChecksums {
		return ""
	}
	return types.ChecksumAlgorithmCrc32c
}

func (o *Options) checksum(p *parts.Part) *string {
	if o.NoChecksums {
		return nil
	}
	return aws.String(base64.StdEncoding.EncodeToString(p.Sum))
}

// maxParts is how many parts S3 allows in one upload.
const maxParts = 10000

// newCRC makes the checksums of the header x-amz-checksum-crc32c. Unlike the SDK's trailing
// checksums, servers understand it that know nothing of those.
func newCRC() hash.Hash { return crc32.New(castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// refused recognises the 404 for a conditional write to an object that is gone, and the 501 of a
// server without conditional writes. If the write also asks for encryption or a storage class, the
// 501 may be about those and is left as it is.
func (w *write) refused(err error) error {
	if w.conditional() && notImplemented(err) && !w.api.opts.asksMore() {
		w.noConditions.Store(true)
		return &answer{sentinel: store.ErrNoConditions, err: err}
	}
	if w.cond.IfMatch != "" && (code(err) == "NoSuchKey" || status(err) == http.StatusNotFound && code(err) == "NotFound") {
		return errGone
	}
	return err
}

// asksMore reports whether writes ask for anything besides conditions that a server may not
// implement.
func (o *Options) asksMore() bool {
	return o.Encryption != Encryption{} || o.StorageClass != "" || o.RequesterPays
}

var errGone = &answer{sentinel: store.ErrConflict, err: errors.New("the object is gone")}

// settle finds out what became of a write whose outcome is in doubt, by looking at the object that
// is stored now. There is doubt if the write was sent more than once; if its connection broke,
// perhaps because the server rejected the condition before it had read the body; and if a condition
// was rejected, perhaps although it holds.
func (w *write) settle(ctx context.Context, err error, repeated bool) (store.Info, error) {
	var ne *netError
	broken := errors.As(err, &ne) && !ne.Final
	if ne != nil && ne.Stalled { // asking would take the stall time once more
		return store.Info{}, err
	}
	denied := errors.Is(err, store.ErrConflict)
	if ctx.Err() != nil || !broken && !repeated && !denied {
		return store.Info{}, err
	}
	out, herr := w.api.head(ctx, w.name)
	if herr != nil { // the doubt remains, and the first error says more
		return store.Info{}, err
	}
	info := infoOf(out)
	switch {
	case out.Metadata[writerKey] == w.id:
		return info, w.api.opts.Encryption.confirm(out.ResultMetadata)
	case w.cond.IfAbsent, w.cond.IfMatch != "" && info.Version != w.cond.IfMatch:
		return store.Info{}, store.ErrConflict
	case denied && status(err) == http.StatusPreconditionFailed:
		// The object still has the version that the condition names, so the server compares them
		// wrongly. Ceph RGW 16 does: it compares the ETag with its quotes.
		w.noConditions.Store(true)
		return store.Info{}, &answer{sentinel: store.ErrNoConditions, err: errRefusedRight}
	}
	return store.Info{}, err
}

var errRefusedRight = errors.New("it refuses a condition that holds: give conditional-writes=false in --store")
