package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// openRange opens length bytes of an object from offset off.
func openRange(ctx context.Context, a *api, name string, off, length int64) (*download, error) {
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	if _, err := store.End(off, length, 0); err != nil {
		return nil, err
	}
	d := &download{ctx: ctx, api: a, name: name, pos: off, length: length}
	if length == 0 {
		return d, d.requestNothing()
	}
	err := d.request()
	if errors.Is(err, errRange) {
		err = d.requestNothing()
	}
	return d, err
}

// errRange: the server answered 416, so the range begins after the last byte.
var errRange = errors.New("range not satisfiable")

// download reads a range of one version of an object, over as many connections as necessary. It
// implements io.ReadCloser for one goroutine.
type download struct {
	ctx    context.Context
	api    *api
	name   string
	length int64 // as asked for
	info   store.Info

	pos, end int64 // the next byte, and the end of the range within the object
	short    bool  // the object ends before the range
	body     io.ReadCloser
	breaks   wire.Resumption
}

// requestNothing is for ranges that S3 cannot express or refuses.
func (d *download) requestNothing() error {
	out, err := d.api.head(d.ctx, d.name)
	if err != nil {
		return err
	}
	d.info = infoOf(out)
	d.short = d.pos > d.info.Size || d.length > 0
	d.end = d.pos
	return nil
}

// request asks for what is left of the range.
func (d *download) request() error {
	in := &awss3.GetObjectInput{Bucket: &d.api.bucket.name, Key: d.api.bucket.key(d.name), Range: d.rangeHeader()}
	if d.info.Version != "" { // two versions must not be joined
		in.IfMatch = aws.String(string(d.info.Version))
	}
	out, err := d.api.client.GetObject(forObject(d.ctx), in, func(o *awss3.Options) {
		// the checksum is of the whole object, so it cannot verify a range
		if in.Range == nil && !d.api.opts.NoChecksums {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
		}
	})
	if err != nil {
		if code(err) == "InvalidRange" || status(err) == 416 {
			return errRange
		}
		return d.api.classify(d.ctx, err)
	}
	d.api.access.sawObject()
	if err := d.accept(out, in.Range != nil); err != nil {
		out.Body.Close()
		return err
	}
	return nil
}

func (d *download) rangeHeader() *string {
	header := wire.RangeHeader(d.pos, d.length)
	if d.info.Version != "" { // resumed
		header = wire.RangeUpTo(d.pos, d.end)
	}
	if header == "" {
		return nil
	}
	return &header
}

// accept checks that the answer is the range asked for, and takes the object's size from it.
// Without the check, a proxy that ignores ranges would deliver the beginning of the object instead
// of its middle.
func (d *download) accept(out *awss3.GetObjectOutput, ranged bool) error {
	size := aws.ToInt64(out.ContentLength)
	if ranged {
		header := aws.ToString(out.ContentRange)
		var ok bool
		if size, ok = wire.TotalSize(header, d.pos); !ok {
			return fmt.Errorf("the server answers a range from byte %d with content-range %q", d.pos, header)
		}
	}
	if d.info.Version == "" {
		d.info = store.Info{Size: size, Version: store.Version(aws.ToString(out.ETag)), ModTime: aws.ToTime(out.LastModified)}
		end, _ := store.End(d.pos, d.length, size)
		d.end, d.short = min(end, size), end > size
	}
	d.body = out.Body
	return nil
}

func (d *download) Read(p []byte) (int, error) {
	if d.pos == d.end {
		return 0, d.finish()
	}
	if d.body == nil {
		return 0, errors.New("read after close or after an error")
	}
	n, err := d.body.Read(p[:min(int64(len(p)), d.end-d.pos)])
	d.pos += int64(n)
	d.breaks.Moved(n)
	if err == nil || err == io.EOF && d.pos == d.end {
		return n, nil
	}
	return n, d.broken(err)
}

// finish ends the range. It reads up to the end of the body, so that the connection can be reused
// and the SDK verifies the checksum, if there is one.
func (d *download) finish() error {
	if d.body != nil {
		var one [1]byte
		if n, err := d.body.Read(one[:]); n == 0 && err != nil && err != io.EOF {
			return fmt.Errorf("read %s: %w", d.name, err)
		}
	}
	if d.short {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// broken resumes the transfer after a body broke off, unless that has happened too often. The SDK
// retries failed requests, but does not count a broken body as one. A stalled transfer is not
// resumed: the stall has already taken as long as the caller allows.
func (d *download) broken(err error) error {
	d.body.Close()
	d.body = nil
	if d.ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", d.name, d.ctx.Err())
	}
	if !d.breaks.Worth(err, d.api.opts.MaxAttempts) {
		return d.api.fail("read", d.name, fmt.Errorf("%w: at byte %d: %w", store.ErrUnreachable, d.pos, err))
	}
	if !d.breaks.Pause(d.ctx) {
		return fmt.Errorf("read %s: %w", d.name, d.ctx.Err())
	}
	if err := d.request(); err != nil {
		return d.api.fail("read", d.name, fmt.Errorf("resume at byte %d: %w", d.pos, err))
	}
	return nil
}

// Close ends the transfer. The connection is not reused if the body was not read to its end.
func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.body = nil
	d.end, d.pos = 0, -1 // a Read after Close is an error
	return err
}
