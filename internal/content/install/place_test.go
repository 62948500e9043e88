package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

func pathError(err error) error { return &fs.PathError{Op: "open", Path: "x", Err: err} }

func lockedError() error {
	return &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
}

// TestTolerate: a failing directory is reported once, and only what lies in it is lost; when too
// many fail, the place itself has failed.
func TestTolerate(t *testing.T) {
	p := NewPlace("build cache")
	var out Outcome
	for range 3 {
		if err := p.Tolerate(&out, "ab", "directory ab", pathError(syscall.EACCES)); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.Losses) != 1 || out.Losses[0] != (Loss{"directory ab", "open x: permission denied", KindDisk}) {
		t.Errorf("%+v", out.Losses)
	}
	for n := 1; n < maxFailing; n++ {
		if err := p.Tolerate(&out, fmt.Sprint(n), "directory", pathError(syscall.EACCES)); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	if err := p.Tolerate(&out, "last", "directory", pathError(syscall.EACCES)); !IsLocal(err) {
		t.Errorf("%d failing directories are tolerated: %v", maxFailing+1, err)
	}
	if len(out.Losses) != maxFailing {
		t.Errorf("%d losses", len(out.Losses))
	}
}

// TestDiskIsThePlace: a full or a read-only disk is a failure of the whole place at once.
func TestDiskIsThePlace(t *testing.T) {
	for _, no := range []error{osfiletest.FullDisk, osfiletest.ReadOnlyDisk} {
		var out Outcome
		if err := NewPlace("module cache").Tolerate(&out, "m", "module m", pathError(no)); !IsLocal(err) {
			t.Errorf("%v is tolerated", no)
		}
		if len(out.Losses) != 0 {
			t.Errorf("%v is named twice", no)
		}
	}
}

// TestDo: a place that fails ends its own jobs, and not those of others; its error is reported at
// the end.
func TestDo(t *testing.T) {
	mod, build := NewPlace("module cache"), NewPlace("build cache")
	calls := 0
	fails := func(context.Context, func()) (out Outcome, err error) {
		calls++
		out.Counts.Refused = 1
		return out, &LocalError{errors.New("broken disk")}
	}
	var total Outcome
	for range 3 {
		out, err := Job{Place: mod, Run: fails}.Do(t.Context(), func() {})
		if err != nil {
			t.Fatal(err)
		}
		total.Add(out)
	}
	ran := func(context.Context, func()) (Outcome, error) { return Outcome{Counts: Counts{Restored: 1}}, nil }
	if out, err := (Job{Place: build, Run: ran}).Do(t.Context(), func() {}); err != nil || out.Counts.Restored != 1 {
		t.Errorf("the other place: %v, %+v", err, out)
	}
	down := errors.New("store is down")
	stops := func(context.Context, func()) (Outcome, error) { return Outcome{}, down }
	if _, err := (Job{Place: build, Run: stops}).Do(t.Context(), func() {}); !errors.Is(err, down) {
		t.Errorf("a failure of the store is lost: %v", err)
	}
	if _, err := (Job{Run: fails}).Do(t.Context(), func() {}); !IsLocal(err) {
		t.Errorf("a job without a place hides %v", err)
	}
	if err := mod.Result(); calls != 2 || !IsLocal(err) || err.Error() != "module cache: broken disk" {
		t.Errorf("%d calls, %v", calls, err)
	}
	if total.Counts.Refused != 1 || build.Result() != nil {
		t.Errorf("%+v, %v", total.Counts, build.Result())
	}
}

// TestNothingWritten: a place to which nothing could be written has failed, even after few errors.
func TestNothingWritten(t *testing.T) {
	p := NewPlace("build cache")
	var out Outcome
	if err := p.Tolerate(&out, "ab", "directory ab", pathError(syscall.EACCES)); err != nil {
		t.Fatal(err)
	}
	if err := p.Result(); !errors.Is(err, fs.ErrPermission) || !IsLocal(err) || p.Tolerated() != nil {
		t.Errorf("%v, %v", err, p.Tolerated())
	}
	p.Works()
	if err := p.Result(); err != nil {
		t.Errorf("%v, although something was written", err)
	}
	if err := p.Tolerated(); !errors.Is(err, fs.ErrPermission) || err.Error() != "build cache: not all can be written: open x: permission denied" {
		t.Errorf("what was not written: %v", err)
	}
	if err := NewPlace("build cache").Tolerated(); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
}

// TestFirstReasonCounts: the error of a place is the one that first ended the work on it.
func TestFirstReasonCounts(t *testing.T) {
	p := NewPlace("path p")
	p.GiveUp(errors.New("first"))
	p.GiveUp(errors.New("second"))
	p.Works()
	if err := p.Result(); err == nil || err.Error() != "path p: first" || p.Err() != err {
		t.Errorf("%v", err)
	}
}

// TestAllIsLocked: a directory in which nothing can be written soon counts as a failure of the
// disk.
func TestAllIsLocked(t *testing.T) {
	var l Locked
	var out Outcome
	for n := range maxLocked {
		if err := l.Leave(&out, "x", lockedError()); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	if err := l.Leave(&out, "x", lockedError()); !IsLocal(err) {
		t.Errorf("%v does not end the restore", err)
	}
	if len(out.Losses) != maxLocked+1 || out.Losses[0].Kind != KindLocked || len(out.Damages) != 0 {
		t.Errorf("%+v", out)
	}
}
