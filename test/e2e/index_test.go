package e2e

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestIndexesAlone: package indexes that the go command writes only because of a fresh checkout are
// no reason to save.
func TestIndexesAlone(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	shared.Save(t, st)
	index := addOutput(t, shared.Build, 1, "go index v2\nof a directory\n")
	if res := shared.Save(t, st); res.Written || res.BytesUploaded > 0 {
		t.Errorf("an index alone was saved: %+v", res)
	}
	result := addOutput(t, shared.Build, 2, "ok  \texample.com/project/lib\t0.1s\n")
	if res := shared.Save(t, st); !res.Written {
		t.Errorf("a test result was not saved: %+v", res)
	}
	saved := map[digest.ID]bool{}
	for _, a := range shared.Manifest(t, st).Actions {
		saved[a.ID] = true
	}
	if !saved[index] || !saved[result] {
		t.Errorf("saved the index: %t, the test result: %t", saved[index], saved[result])
	}
	addOutput(t, shared.Build, 3, "go index v2\nof a directory\n")
	if res := shared.Save(t, st); res.Written {
		t.Errorf("an index with stored bytes was saved: %+v", res)
	}
}

// addOutput puts an action entry with an output of this text into a build cache.
func addOutput(t *testing.T, dir string, n byte, text string) digest.ID {
	t.Helper()
	c := buildcache.Open(dir)
	o := buildcache.Output{ID: digest.Of([]byte(text)), Size: int64(len(text))}
	w, err := c.CreateOutput(o, time.Now())
	if !errors.Is(err, buildcache.ErrPresent) {
		e2etest.Must(t, err)
		_, err = w.Write([]byte(text))
		e2etest.Must(t, errors.Join(err, w.Close()))
	}
	action := digest.ID{2, n}
	e2etest.Must(t, c.PutAction(buildcache.Entry{Action: action, Output: o.ID, Size: o.Size, Time: 1}, time.Now()))
	return action
}
