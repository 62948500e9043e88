package e2etest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
)

// Must fails the test if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Names reports whether a loss with a reason names one of what.
func Names(losses []restore.Loss, what ...string) bool {
	for _, l := range losses {
		for _, w := range what {
			if strings.Contains(l.What, w) && l.Reason != "" {
				return true
			}
		}
	}
	return false
}

// ProbeRestore restores to another directory.
func (w *World) ProbeRestore(t testing.TB, st store.Store, to string) *restore.Result {
	t.Helper()
	o := w.RestoreOptions(t, st)
	o.ModDir, o.BuildDir = filepath.Join(to, "mod"), filepath.Join(to, "build")
	res, err := restore.Run(context.Background(), o)
	Must(t, err)
	return res
}

// AddEntry puts the action entry of job i, which no other job has, into a build cache.
func AddEntry(t testing.TB, dir string, i int) {
	t.Helper()
	c := buildcache.Open(dir)
	Must(t, c.Prepare(time.Now()))
	data := fmt.Appendf(nil, "output of job %d", i)
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	w, err := c.CreateOutput(o, time.Now())
	Must(t, err)
	_, err = w.Write(data)
	Must(t, errors.Join(err, w.Close()))
	Must(t, c.PutAction(buildcache.Entry{Action: digest.ID{1, byte(i)}, Output: o.ID, Size: o.Size, Time: 1}, time.Now()))
}

// SomePlan returns a plan with a key for tests without a project.
func SomePlan(t testing.TB) keys.Plan {
	t.Helper()
	p, err := keys.Derive(keys.Input{Name: "job", OS: "linux", Arch: "amd64", GoVersion: "go1.26.0", Files: []keys.File{{Path: "go.mod", Data: []byte("module m\n")}}})
	Must(t, err)
	return p
}
