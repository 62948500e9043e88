package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// TestClassify: errors of the caches are of the disk or of the content, or are left as they are.
func TestClassify(t *testing.T) {
	const disk, content, itself = "disk", "content", "itself"
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, itself},
		{pathError(syscall.EACCES), disk},
		{fmt.Errorf("installing m: %w", pathError(syscall.EIO)), disk},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EXDEV}, disk},
		{syscall.EIO, disk},
		{errors.New("more than 3 files"), content},
		{pathError(fs.ErrExist), itself},
		{lockedError(), itself},
		{pathError(osfiletest.BadName), itself},
		{fmt.Errorf("%w: %w", store.ErrUnreachable, syscall.ECONNRESET), itself},
		{context.Canceled, itself},
	} {
		got := itself
		var wrong *ContentError
		err := Classify(c.err)
		if IsLocal(err) {
			got = disk
		} else if errors.As(err, &wrong) {
			got = content
		}
		if got != c.want || !errors.Is(err, c.err) || err != nil && err.Error() != c.err.Error() {
			t.Errorf("%v is %s (%v), want %s", c.err, got, err, c.want)
		}
	}
}

// TestTwice: only errors that reading again may cure cause a second read.
func TestTwice(t *testing.T) {
	for _, c := range []struct {
		err   error
		reads int
	}{
		{nil, 1},
		{fmt.Errorf("object x: %w", snapshot.ErrCorrupt), 2},
		{io.ErrUnexpectedEOF, 2},
		{io.EOF, 2},
		{store.ErrConflict, 2},
		{&ContentError{errors.New("hash")}, 2},
		{store.ErrNotFound, 1},
		{store.ErrUnreachable, 1},
		{fmt.Errorf("%w: %w", store.ErrUnreachable, io.ErrUnexpectedEOF), 1},
		{&ContentError{context.Canceled}, 1},
		{&LocalError{pathError(syscall.EIO)}, 1},
		{Classify(lockedError()), 1},
		{fs.ErrExist, 1},
		{errors.New("anything else"), 1},
	} {
		reads := 0
		if err := Twice(func() error { reads++; return c.err }); err != c.err || reads != c.reads {
			t.Errorf("%v: %d reads, want %d; %v", c.err, reads, c.reads, err)
		}
	}
	reads := 0
	err := Twice(func() error {
		if reads++; reads == 1 {
			return snapshot.ErrCorrupt
		}
		return nil
	})
	if err != nil || reads != 2 {
		t.Errorf("%d reads, %v", reads, err)
	}
}

func TestIsLocked(t *testing.T) {
	if err := Classify(lockedError()); IsLocal(err) || !osfile.IsLocked(err) {
		t.Errorf("%v is a failure of the disk", err)
	}
}
