package s3

import (
	"fmt"
	"sync/atomic"

	"github.com/org/gocache-action/internal/store"
)

// access is what the answers so far have told about the bucket and who may read it. It is safe for
// concurrent use.
type access struct {
	bucket      string
	credentials *credentialSource // guards itself

	seen   atomic.Bool   // the bucket is known to exist
	public atomic.Bool   // an object was read without a signature
	notes  store.Notepad // guards itself
}

// sawObject notes that an object could be read.
func (a *access) sawObject() {
	if !a.public.Load() && a.sawBucket() {
		a.public.Store(true)
	}
}

// sawBucket notes that the bucket exists, and reports whether requests go out unsigned: then the
// bucket answers them.
func (a *access) sawBucket() (unsigned bool) {
	a.seen.Store(true)
	why := a.credentials.nothing()
	if why != nil {
		a.notes.Add(fmt.Sprintf("bucket %s is read without a signature: %v", a.bucket, why))
	}
	return why != nil
}

// meaning returns what an answer means if the request may have been unsigned. Once an object could
// be read without a signature, a denial means that the object does not exist: nobody makes only
// some objects of a store public.
func (a *access) meaning(got *answer) error {
	why := a.credentials.nothing()
	if why == nil || got.sentinel != store.ErrDenied {
		return got
	}
	if a.public.Load() {
		a.notes.Add("the store answers 403 for objects that do not exist: they count as missing")
		return fmt.Errorf("%w: %w", store.ErrNotFound, &answer{err: got.err})
	}
	return &unsignedDenial{why: why, answer: &answer{err: got.err}}
}

// unsignedDenial is the answer to an unsigned request for an object that does not exist or is not
// public: a server says which only to those who may list the bucket.
type unsignedDenial struct {
	why    error // that there are no credentials
	answer error
}

func (d *unsignedDenial) Error() string {
	return fmt.Sprintf("%v: %v; and without a signature the server answers %v: there is no such object, or it is not public",
		store.ErrDenied, d.why, d.answer)
}

func (d *unsignedDenial) Is(target error) bool {
	return target == store.ErrDenied || target == store.ErrHidden
}

func (d *unsignedDenial) Unwrap() []error { return []error{d.why, d.answer} }
