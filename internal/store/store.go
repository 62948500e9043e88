// Package store defines the contract of an object store: a flat space of named,
// immutable or conditionally replaced objects, kept in an S3 bucket (store/s3) or
// in a local directory (store/dir). Both pass the same test suite, store/storetest.
//
// Object names are slash-separated relative paths, already escaped by package
// snapshot: each element is made of lower-case letters, digits and ".-_=~!+@",
// and no element is "." or "..". CheckName states the limits; anything else is ErrBadName.
// No object may have the name of a directory of another one ("a" beside "a/b"): S3 allows that,
// file systems do not. A restore never finds anything by listing.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors that every implementation returns, wrapped with the name of the object
// or of the bucket. Callers test them with errors.Is.
var (
	// ErrNotFound: there is no object of that name. A miss, not a failure.
	ErrNotFound = errors.New("object not found")
	// ErrConflict: the condition of a Put does not hold, because another writer was faster.
	ErrConflict = errors.New("object was changed by another writer")
	// ErrNoStore: the bucket or the directory does not exist or cannot be created.
	ErrNoStore = errors.New("store does not exist")
	// ErrMoved: requests for the store must go to another region or another endpoint.
	ErrMoved = errors.New("store is elsewhere")
	// ErrDenied: credentials are missing, wrong, expired, or do not allow the call.
	ErrDenied = errors.New("access denied")
	// ErrNoCredentials: there are none, rather than some that do not work. It comes with ErrDenied.
	ErrNoCredentials = errors.New("no credentials")
	// ErrUnreachable: the endpoint does not resolve, refuses connections, or stopped answering.
	ErrUnreachable = errors.New("store does not answer")
	// ErrNoConditions: the store does not support conditional writes. Nothing was written.
	ErrNoConditions = errors.New("store has no conditional writes")
	// ErrUnsupported: the store answers that it does not implement the request, or something the
	// request asks for, such as encryption. Retrying does not help.
	ErrUnsupported = errors.New("the store does not support this")
	// ErrTooLarge: the object is larger than the limit given to Get.
	ErrTooLarge = errors.New("object too large")
)

// Version identifies the content of one object, for conditional writes
// (an ETag on S3). It is opaque; the empty Version means "no such object".
type Version string

// Info describes a stored object.
type Info struct {
	Size    int64 // bytes of the whole object
	Version Version
	// ModTime is when the object was last written or touched, by the store's clock, in whole
	// seconds on S3. Put does not return it, because S3 does not.
	ModTime time.Time
}

// Same reports whether two Infos describe the same content. Their times may differ, see Toucher.
func (i Info) Same(j Info) bool { return i.Size == j.Size && i.Version == j.Version }

// Condition restricts a Put. The zero value always writes.
type Condition struct {
	// IfAbsent writes only where there is no object of that name.
	IfAbsent bool
	// IfMatch, when not empty, writes only over exactly this version.
	IfMatch Version
}

// A Store holds objects. All methods are safe for concurrent use by several
// goroutines, and several processes may use the same store at once.
type Store interface {
	// Open streams length bytes of an object from offset off; a negative length means up to the
	// end. It returns the Info of the whole object. A transfer that breaks off is resumed where it
	// stopped; reads fail with ErrUnreachable when nothing arrives for the store's stall time. If
	// the object ends before the range does, or before it begins, the reader ends with
	// io.ErrUnexpectedEOF; Open itself does not fail. If the object is replaced while it is read,
	// the reader returns the old content or ErrConflict. The reader is for one goroutine;
	// cancelling ctx ends it.
	Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, Info, error)

	// Stat returns the Info of an object, or ErrNotFound.
	Stat(ctx context.Context, name string) (Info, error)

	// Put writes an object completely or not at all: no reader ever sees a part of it, and after an
	// error (including one returned by body) or a cancelled ctx nothing is left behind. size is the
	// number of bytes of body, or -1 if it is not known; a body shorter or longer than size is an
	// error. A body that is also an io.ReaderAt and io.Seeker (such as a bytes.Reader) is sent in
	// parallel parts without copying. Any other body is buffered part by part, within a fixed bound
	// that all Puts of the store share, so the body of one Put must not wait for the progress of
	// another. ctx does not interrupt a body that blocks in Read.
	Put(ctx context.Context, name string, body io.Reader, size int64, cond Condition) (Info, error)

	// Requests returns how many requests were sent so far, by kind ("GET", "PUT" and so on),
	// for reports. The directory store counts its operations likewise.
	Requests() map[string]int64

	// String is the store's URL, without secrets.
	String() string
}

// Get reads a whole object of at most limit bytes into memory.
// A larger object is ErrTooLarge and is not read.
func Get(ctx context.Context, s Store, name string, limit int64) ([]byte, Info, error) {
	r, info, err := s.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, info, err
	}
	defer r.Close()
	if info.Size > limit {
		return nil, info, &SizeError{Name: name, Size: info.Size, Limit: limit}
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, info, err
	}
	return data, info, nil
}
