package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// An Entry is one object in a listing.
type Entry struct {
	Name string
	Info
}

// An Upload is an unfinished write that takes up space: a multipart upload on S3, a temporary
// file in a directory.
type Upload struct {
	Name    string // of the object that was being written; "" if the store does not know
	ID      string
	Started time.Time // by the store's clock; in a directory, when the last byte was written
	Size    int64     // bytes stored so far
}

// A Toucher can make an object look new without sending its bytes. A writer that relies on an
// object which it found in the store touches it, so that the age of an object tells when it was
// last used.
type Toucher interface {
	// Touch sets an object's modification time to now, by the store's clock. The content stays the
	// same, but the Version may change, so a concurrent reader can get ErrConflict, as it can when
	// the object is replaced. Touch returns ErrNotFound if there is no such object, and
	// errors.ErrUnsupported if the server cannot touch objects: then the caller has to Put it
	// again.
	Touch(ctx context.Context, name string) error
}

// MaxDelete is how many objects one Delete removes at most.
const MaxDelete = 1000

// A Collector is a store from which garbage can be removed. Package gc needs it; restore and save
// do not. All methods are safe for concurrent use.
type Collector interface {
	Store
	Toucher

	// List yields the objects whose names begin with prefix, sorted by the bytes of their names,
	// with size, version and modification time. It asks for one page after another as the loop goes
	// on, and holds one page (on S3) or the names in the directories that lead to the object (about
	// 100 bytes a name). Objects that are written or removed meanwhile may be listed or not. Names
	// that CheckName refuses belong to no object of this program and are skipped. An error ends the
	// sequence. A directory that does not exist yet is empty.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes up to MaxDelete objects, in one request if the store can. Objects that do not
	// exist count as removed. It returns the reason for each object that was not, or may not have
	// been, removed; nil if all were.
	Delete(ctx context.Context, names []string) map[string]error

	// DeleteVersion removes an object if it still has exactly this version, and returns ErrConflict
	// if it has another one. An object that does not exist is no error.
	DeleteVersion(ctx context.Context, name string, v Version) error

	// Uploads yields the unfinished writes that were started before a time, to objects whose names
	// begin with prefix. The directory store does not know these names and yields all of them.
	Uploads(ctx context.Context, prefix string, before time.Time) iter.Seq2[Upload, error]

	// AbortUpload removes an unfinished write. If its writer is still running, it gets an error. A
	// write that does not exist any more is no error.
	AbortUpload(ctx context.Context, u Upload) error
}

// FailAll returns the result of a Delete that failed for all its objects.
func FailAll(names []string, err error) map[string]error {
	failed := make(map[string]error, len(names))
	for _, n := range names {
		failed[n] = err
	}
	return failed
}

// CheckDelete checks the arguments of a Delete. Implementations call it first, and return its
// result unless that is nil.
func CheckDelete(ctx context.Context, names []string) map[string]error {
	if len(names) > MaxDelete {
		return FailAll(names, fmt.Errorf("%d objects to remove at once, allowed are %d", len(names), MaxDelete))
	}
	if err := ctx.Err(); err != nil {
		return FailAll(names, err)
	}
	for _, n := range names {
		if err := CheckName(n); err != nil {
			return FailAll(names, err)
		}
	}
	return nil
}
