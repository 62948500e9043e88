// Package installtest runs the jobs of kinds of content in tests.
package installtest

import (
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/fetch"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// NewEnv returns what the jobs of a restore from this store share. c may be nil.
func NewEnv(t testing.TB, st store.Store, c *modcache.Cache) *install.Env {
	t.Helper()
	env := &install.Env{
		Fetch: &fetch.Fetcher{Store: st, Frames: fetch.NewMemory(1 << 20), Again: fetch.NewMemory(1 << 20), Buffers: fetch.NewBuffers(2), Meter: new(report.Meter)},
		Start: time.Now(), Locked: new(install.Locked), TreesDone: make(chan struct{}),
	}
	if c == nil {
		return env
	}
	var err error
	if env.Stage, err = c.NewStage(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { env.Stage.Close() })
	return env
}

// Run does jobs one after the other, and returns what became of them, and the first error.
func Run(t testing.TB, jobs []install.Job) (total install.Outcome, err error) {
	t.Helper()
	for _, j := range jobs {
		out, jobErr := j.Do(t.Context(), func() {})
		total.Add(out)
		if err == nil {
			err = jobErr
		}
	}
	return total, err
}
