package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
)

func pathError(err error) error { return &fs.PathError{Op: "open", Path: "x", Err: err} }

// TestTolerate: a directory is named once and costs what lies in it; many are the part itself.
func TestTolerate(t *testing.T) {
	r := &run{}
	lost := 0
	for range 3 {
		if err := r.tolerate(&r.buildPart, "ab", "directory ab", pathError(syscall.EACCES), func() { lost++ }); err != nil {
			t.Fatal(err)
		}
	}
	if lost != 3 || len(r.tally.losses) != 1 || r.tally.losses[0].Kind != kindDisk {
		t.Errorf("%d lost, %+v", lost, r.tally.losses)
	}
	for n := 1; n < maxFailing; n++ {
		if err := r.tolerate(&r.buildPart, fmt.Sprint(n), "directory", pathError(syscall.EACCES), func() {}); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	if err := r.tolerate(&r.buildPart, "last", "directory", pathError(syscall.EACCES), func() {}); !isLocal(err) {
		t.Errorf("%d directories are tolerated: %v", maxFailing+1, err)
	}
}

// TestDiskIsThePart: a full disk and a read-only one are found out at once.
func TestDiskIsThePart(t *testing.T) {
	for _, no := range []error{osfile.FullDisk, osfile.ReadOnlyDisk} {
		r := &run{}
		if err := r.tolerate(&r.modPart, "m", "module m", pathError(no), func() {}); !isLocal(err) {
			t.Errorf("%v is tolerated", no)
		}
	}
}

// TestWithin: a part that fails ends its own jobs, not those of others; the error comes at the end.
func TestWithin(t *testing.T) {
	r := &run{}
	r.modPart.name, r.buildPart.name = "module cache", "build cache"
	calls := 0
	fails := func(context.Context, func()) error { calls++; return local(errors.New("broken disk")) }
	for range 3 {
		if err := within(&r.modPart, fails)(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	ran := false
	if err := within(&r.buildPart, func(context.Context, func()) error { ran = true; return nil })(t.Context(), func() {}); err != nil || !ran {
		t.Errorf("the other part: %v, %t", err, ran)
	}
	store := errors.New("store is down")
	if err := within(&r.buildPart, func(context.Context, func()) error { return store })(t.Context(), func() {}); !errors.Is(err, store) {
		t.Errorf("a failure of the store is lost: %v", err)
	}
	if err := r.failedParts(); calls != 1 || !isLocal(err) || err.Error() != "module cache: broken disk" {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestNothingWritten: a part of which all failed has failed, even if that is not much.
func TestNothingWritten(t *testing.T) {
	r := &run{}
	r.tolerate(&r.buildPart, "ab", "directory ab", pathError(syscall.EACCES), func() {})
	if err := r.failedParts(); !errors.Is(err, fs.ErrPermission) || !isLocal(err) {
		t.Errorf("%v", err)
	}
	r.buildPart.works()
	if err := r.failedParts(); err != nil {
		t.Errorf("%v, although something was written", err)
	}
	r = &run{}
	r.tally.build.Present = 1 // a machine that keeps its cache
	r.tolerate(&r.buildPart, "ab", "directory ab", pathError(syscall.EACCES), func() {})
	if err := r.failedParts(); err != nil {
		t.Errorf("%v, although the rest was there", err)
	}
}
