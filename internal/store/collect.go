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

// An Upload is an unfinished write that takes space: a multipart upload on S3, a temporary
// file in a directory.
type Upload struct {
	Name    string // of the object that was being written; "" where the store does not know
	ID      string
	Started time.Time // by the store's clock; in a directory, when the last byte was written
	Size    int64     // bytes that are stored so far
}

// A Toucher can make an object look new without sending its bytes. A writer that
// relies on an object which it found in the store touches it, so that age tells use.
type Toucher interface {
	// Touch sets an object's modification time to now, by the store's clock. Its content stays, its
	// Version may change: a reader in the middle of the object can get ErrConflict, as with a
	// replacement. An object that is gone is ErrNotFound; a server that cannot do it is
	// errors.ErrUnsupported, and the caller has to Put anew.
	Touch(ctx context.Context, name string) error
}

// MaxDelete is how many objects one Delete removes at most.
const MaxDelete = 1000

// A Collector is a store from which garbage can be removed. Restore and save do without it;
// both implementations of Store have it. All methods are safe for concurrent use.
type Collector interface {
	Store
	Toucher

	// List yields the objects whose names begin with prefix, as bytes, in the order of their names,
	// with size, version and modification time. It asks page by page, as the loop goes on, and
	// holds one page (on S3), or the names of the directories on the way to the object (about 100
	// bytes a name). Objects that come or go meanwhile may be in it or not. What is no object of
	// this program, such as a name that CheckName refuses, is passed over. An error ends the
	// sequence. A directory that does not exist yet is empty.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes up to MaxDelete objects, in one request where the store can. What is gone
	// already counts as removed. It returns the reason for each that was not, or may not have been,
	// removed; nil when all were.
	Delete(ctx context.Context, names []string) map[string]error

	// DeleteVersion removes an object if it still is exactly this version; else it is ErrConflict.
	// One that is gone is no error.
	DeleteVersion(ctx context.Context, name string, v Version) error

	// Uploads yields the unfinished writes to objects whose names begin with prefix that were
	// started before a time. A directory does not know their names, and yields all.
	Uploads(ctx context.Context, prefix string, before time.Time) iter.Seq2[Upload, error]

	// AbortUpload removes an unfinished write. Its writer, if it still lives, gets an error. One
	// that is gone is no error.
	AbortUpload(ctx context.Context, u Upload) error
}

// FailAll is the answer of a Delete of which nothing is known.
func FailAll(names []string, err error) map[string]error {
	failed := make(map[string]error, len(names))
	for _, n := range names {
		failed[n] = err
	}
	return failed
}

// CheckDelete checks the arguments of a Delete, for implementations: nil, or the answer.
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
