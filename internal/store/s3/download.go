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

// Open implements store.Store. It costs one request; a range that begins at or behind
// the end, or is empty, a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	r, info, err := s.open(ctx, name, off, length)
	if err != nil {
		return nil, store.Info{}, s.fail("read", name, err)
	}
	return r, info, nil
}

func (s *Store) open(ctx context.Context, name string, off, length int64) (*download, store.Info, error) {
	if err := store.CheckName(name); err != nil {
		return nil, store.Info{}, err
	}
	if _, err := store.End(off, length, 0); err != nil {
		return nil, store.Info{}, err
	}
	d := &download{ctx: ctx, s: s, name: name, pos: off, length: length}
	if length == 0 {
		return s.openNothing(ctx, d)
	}
	err := d.request()
	if errors.Is(err, errRange) {
		return s.openNothing(ctx, d)
	}
	if err != nil {
		return nil, store.Info{}, err
	}
	return d, d.info, nil
}

// openNothing is for ranges that S3 cannot express or refuses.
func (s *Store) openNothing(ctx context.Context, d *download) (*download, store.Info, error) {
	out, err := s.head(ctx, d.name)
	if err != nil {
		return nil, store.Info{}, err
	}
	d.info = infoOf(out)
	d.short = d.pos > d.info.Size || d.length > 0
	d.end = d.pos
	return d, d.info, nil
}

// errRange: the server says 416, the range begins behind the last byte.
var errRange = errors.New("range not satisfiable")

// download reads a range of one version of an object over as many connections as it
// takes. It implements io.ReadCloser for one goroutine.
type download struct {
	ctx    context.Context
	s      *Store
	name   string
	length int64 // as asked for
	info   store.Info

	pos, end int64 // next byte, and where the range ends in this object
	short    bool  // the object ends before the range
	body     io.ReadCloser
	breaks   wire.Resumption
}

// request asks for what is left of the range.
func (d *download) request() error {
	in := &awss3.GetObjectInput{Bucket: &d.s.opts.Bucket, Key: d.s.key(d.name), Range: d.rangeHeader()}
	if d.info.Version != "" { // two versions must not be joined
		in.IfMatch = aws.String(string(d.info.Version))
	}
	out, err := d.s.client.GetObject(forObject(d.ctx), in, func(o *awss3.Options) {
		// the checksum of a whole object says nothing about a part
		if in.Range == nil && !d.s.opts.NoChecksums {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
		}
	})
	if err != nil {
		if code(err) == "InvalidRange" || status(err) == 416 {
			return errRange
		}
		return d.s.classify(d.ctx, err)
	}
	d.s.sawObject()
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

// accept checks that the answer is the range asked for, and learns the object's size. A proxy
// that ignores ranges would otherwise put the beginning of the object in the place of its middle.
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

// finish ends the range. It reads the end of the body, so that the connection can
// be used again and the SDK compares the checksum, if there is one.
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

// broken resumes after a body that ended early, if that is worth it. The SDK repeats
// requests, but what breaks in the body of an answer is not a failed request to it. A stall is
// not resumed: it has already taken the time that the caller allows for no progress.
func (d *download) broken(err error) error {
	d.body.Close()
	d.body = nil
	if d.ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", d.name, d.ctx.Err())
	}
	if !d.breaks.Worth(err, d.s.opts.MaxAttempts) {
		return d.s.fail("read", d.name, fmt.Errorf("%w: at byte %d: %w", store.ErrUnreachable, d.pos, err))
	}
	if !d.breaks.Pause(d.ctx) {
		return fmt.Errorf("read %s: %w", d.name, d.ctx.Err())
	}
	if err := d.request(); err != nil {
		return d.s.fail("read", d.name, fmt.Errorf("resume at byte %d: %w", d.pos, err))
	}
	return nil
}

// Close ends the transfer. A connection whose body was not read to its end is given up.
func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.body = nil
	d.end, d.pos = 0, -1 // a Read after Close is an error
	return err
}
