package restore

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

func lockedError() error {
	return &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
}

// TestLockedModule: a module whose files another program has open is read once, costs itself alone,
// and is no damage of the store.
func TestLockedModule(t *testing.T) {
	r := &run{}
	reads := 0
	err := twice(func() error { reads++; return diskError(lockedError()) })
	if reads != 1 || isLocal(err) {
		t.Errorf("%d reads, %v", reads, err)
	}
	if err := r.moduleDone(moduleJob{version: module.Version{Path: "example.com/m", Version: "v1.0.0"}}, "object", err); err != nil {
		t.Error(err)
	}
	if len(r.tally.damages) != 0 || r.tally.modules.Refused != 1 || len(r.tally.losses) != 1 || r.tally.losses[0].Kind != kindLocked {
		t.Errorf("%+v %+v %+v", r.tally.damages, r.tally.modules, r.tally.losses)
	}
}

// TestLockedOutput: an output costs its own actions, and so does any other error of its file.
func TestLockedOutput(t *testing.T) {
	m := &snapshot.Manifest{Outputs: make([]snapshot.Output, 2), Actions: []snapshot.Action{{Output: 0}, {Output: 1}, {Output: 1}}}
	r := &run{byOut: indexActions(m, []bool{true, true, true})}
	r.found.Manifest = m
	w := &outputWriter{run: r, output: 1}
	if err := w.failed(lockedError()); err != nil {
		t.Error(err)
	}
	if r.tally.build.Refused != 2 || len(r.tally.damages) != 0 {
		t.Errorf("%+v %+v", r.tally.build, r.tally.damages)
	}
	if err := w.failed(errors.New("broken")); err != nil || r.tally.build.Refused != 4 || r.tally.losses[1].Kind != kindDisk {
		t.Errorf("%v: %+v %+v", err, r.tally.build, r.tally.losses)
	}
}

// TestAllIsLocked: a directory where nothing can be written is a failure of the disk, soon.
func TestAllIsLocked(t *testing.T) {
	r := &run{}
	for n := range maxLocked {
		if err := r.leaveLocked("x", lockedError()); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	if err := r.leaveLocked("x", lockedError()); !isLocal(err) {
		t.Errorf("%v does not end the restore", err)
	}
}
