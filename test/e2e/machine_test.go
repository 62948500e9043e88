package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// machine runs jobs that restore, use build entries by name, and save, with a clock of its own. It
// does not run the go command. It uses an entry as the go command does: it sets the time if that is
// an hour old, or makes the entry if it is missing.
type machine struct {
	t     testing.TB
	st    store.Store
	dir   string
	skew  time.Duration // of its clock
	size  int           // bytes of an output
	keep  bool          // do not start with empty caches
	with  func(*save.Options)
	saved *save.Result
}

func newMachine(t testing.TB, st store.Store) *machine {
	return &machine{t: t, st: st, dir: filepath.Join(t.TempDir(), "build"), size: 100}
}

// job runs a job and returns how many of the entries that it uses were missing.
func (m *machine) job(at time.Time, uses []string) (missed int) {
	m.t.Helper()
	at = at.Add(m.skew)
	if !m.keep {
		e2etest.Must(m.t, osfile.RemoveAll(m.dir))
	}
	k := e2etest.SomePlan(m.t)
	res, err := restore.Run(context.Background(), restore.Options{Store: m.st, Repo: "r", Scope: e2etest.MainScope, Keys: k, BuildDir: m.dir, Now: func() time.Time { return at }})
	e2etest.Must(m.t, err)
	for _, name := range uses {
		if !m.use(name, at.Add(time.Minute)) {
			missed++
		}
	}
	o := save.Options{Store: m.st, Repo: "r", Scope: e2etest.MainScope, Keys: k, BuildDir: m.dir, State: &res.State, MaxAge: 14 * 24 * time.Hour, Now: func() time.Time { return at.Add(10 * time.Minute) }}
	if m.with != nil {
		m.with(&o)
	}
	m.saved, err = save.Run(context.Background(), o)
	e2etest.Must(m.t, err)
	return missed
}

// use uses an entry and reports whether it was already there.
func (m *machine) use(name string, at time.Time) bool {
	m.t.Helper()
	id := digest.Of([]byte(name))
	data := make([]byte, m.size)
	rand.NewChaCha8(id).Read(data)
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	action := m.file(id, "-a")
	if st, err := os.Stat(action); err == nil {
		if at.Sub(st.ModTime()) >= time.Hour {
			e2etest.Must(m.t, os.Chtimes(action, at, at))
			e2etest.Must(m.t, os.Chtimes(m.file(o.ID, "-d"), at, at))
		}
		return true
	}
	c := buildcache.Open(m.dir)
	e2etest.Must(m.t, c.Prepare(at))
	w, err := c.CreateOutput(o, at)
	e2etest.Must(m.t, err)
	_, err = w.Write(data)
	e2etest.Must(m.t, errors.Join(err, w.Close()))
	e2etest.Must(m.t, c.PutAction(buildcache.Entry{Action: id, Output: o.ID, Size: o.Size, Time: at.UnixNano()}, at))
	return false
}

func (m *machine) file(id digest.ID, suffix string) string {
	return filepath.Join(m.dir, id.String()[:2], id.String()+suffix)
}

// stored reads the manifest.
func (m *machine) stored() *snapshot.Manifest {
	m.t.Helper()
	return e2etest.ReadManifest(m.t, m.st, snapshot.ManifestObject("r", e2etest.MainScope, e2etest.SomePlan(m.t).Key.Exact()))
}

// has reports whether the snapshot has an entry.
func (m *machine) has(name string) bool {
	id := digest.Of([]byte(name))
	for _, a := range m.stored().Actions {
		if a.ID == id {
			return true
		}
	}
	return false
}
