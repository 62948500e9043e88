// Package actionscache tests restores and saves of whole jobs with the cache service of GitHub
// Actions as the store: who finds what, how many requests that takes, and what is left when
// something goes wrong.
package actionscache

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

const (
	mainRef   = "refs/heads/main"
	branchRef = "refs/heads/feature"
	pullRef   = "refs/pull/7/merge"
)

// job is one on a fresh machine: what it is called, where it runs, and its caches.
type job struct {
	server           *actionstest.Server
	name             string
	ref, base        string
	token            string
	patience         time.Duration
	private          string // patterns of private modules
	mod, build       string
	sums             map[module.Version]string // its go.sum
	state            *jobstate.State
	change           func(*actions.Options)
	lastSave, lastIn map[string]int // requests of the last save and restore
}

// newJob is a job of a branch, or of a pull request to base.
func newJob(t *testing.T, server *actionstest.Server, name, ref, base string) *job {
	t.Helper()
	grants := []actionstest.Grant{{Scope: ref, Permission: actionstest.Read | actionstest.Write}}
	for _, other := range []string{base, mainRef} {
		if other != "" && !slices.ContainsFunc(grants, func(g actionstest.Grant) bool { return g.Scope == other }) {
			grants = append(grants, actionstest.Grant{Scope: other, Permission: actionstest.Read})
		}
	}
	dir := t.TempDir()
	t.Cleanup(func() { osfile.RemoveAll(dir) }) // read-only directories
	return &job{
		server: server, name: name, ref: ref, base: base, token: actionstest.Token(grants...), patience: 2 * time.Second,
		mod: filepath.Join(dir, "mod"), build: filepath.Join(dir, "build"), sums: map[module.Version]string{},
	}
}

// entry makes a build entry, as the go command does when it compiles.
func (j *job) entry(t testing.TB, action string) {
	t.Helper()
	now := time.Now()
	collecttest.BuildEntry(t, j.build, action, "!<arch>\n"+action+string(storetest.Content(uint64(len(action)), 3000)), now.Add(-time.Minute), now)
}

// module makes a module, as the go command does when it downloads one, and a line of go.sum.
func (j *job) module(t testing.TB, path string) {
	t.Helper()
	v := module.Version{Path: path, Version: "v1.0.0"}
	j.sums[v] = collecttest.GoModule(t, j.mod, v, moduleFiles(path))
}

// shareAll puts few modules as well into a bundle that other jobs wait for.
func shareAll(o *actions.Options) { o.SharedFrom = 1 }

func moduleFiles(path string) map[string]string {
	return map[string]string{"go.mod": "module " + path + "\n", "a.go": "package a\n", "data": string(storetest.Content(uint64(len(path)), 5000))}
}

// needs adds a line to go.sum without downloading anything.
func (j *job) needs(t testing.TB, path string) {
	t.Helper()
	v := module.Version{Path: path, Version: "v1.0.0"}
	j.sums[v] = collecttest.GoModule(t, t.TempDir(), v, moduleFiles(path))
}

// work is what every job of the project does: it needs two modules and compiles two packages.
func (j *job) work(t testing.TB) {
	t.Helper()
	j.module(t, "example.com/one")
	j.module(t, "example.com/two")
	j.entry(t, "a1")
	j.entry(t, "a2")
}

func (j *job) keys() keys.Plan {
	var lines []string
	for v, sum := range j.sums {
		lines = append(lines, v.Path+" "+v.Version+" "+sum)
	}
	slices.Sort(lines)
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	return keys.Plan{
		Key:  keys.Key{Name: j.name, OS: "linux", Arch: "amd64", Go: "go1.26.8", Digest: digest},
		Sums: keys.Sums{Zip: j.sums},
	}
}

// open opens the store of one command.
func (j *job) open(t testing.TB) *actions.Store {
	t.Helper()
	o := actions.Options{URL: j.server.URL, Token: j.token, Patience: j.patience, CopiesBlocks: true}
	if j.change != nil {
		j.change(&o)
	}
	st, err := actions.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (j *job) tryRestore(ctx context.Context, t testing.TB) (*restore.Result, error) {
	t.Helper()
	res, err := restore.Run(ctx, restore.Options{
		Store: j.open(t), Repo: "o/r", Scope: j.ref, BaseScope: j.base, DefaultScope: mainRef,
		Keys: j.keys(), ModDir: j.mod, BuildDir: j.build, Private: j.private, Memory: 64 << 20, // clearing more takes longer than the rest
	})
	if res != nil {
		j.state = &res.State
	}
	return res, err
}

func (j *job) restore(t testing.TB) *restore.Result {
	t.Helper()
	j.server.Counts()
	res, err := j.tryRestore(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	j.lastIn = j.server.Counts()
	return res
}

func (j *job) saveOptions(t testing.TB) save.Options {
	return save.Options{
		Store: j.open(t), Repo: "o/r", Scope: j.ref, BaseScope: j.base, DefaultScope: mainRef,
		Keys: j.keys(), ModDir: j.mod, BuildDir: j.build, State: j.state, StableTimes: true,
	}
}

func (j *job) save(t testing.TB) *save.Result {
	t.Helper()
	j.server.Counts()
	res, err := save.Run(t.Context(), j.saveOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Warnings) > 0 {
		t.Errorf("the save of %s in %s warns: %q", j.name, j.ref, res.Warnings)
	}
	j.lastSave = j.server.Counts()
	return res
}

// has reports whether an entry or a module is in the caches.
func (j *job) hasEntry(action string) bool {
	id := digest.Of([]byte(action)).String()
	_, err := os.Stat(filepath.Join(j.build, id[:2], id+"-a"))
	return err == nil
}

func (j *job) hasModule(path string) bool {
	_, err := os.Stat(filepath.Join(j.mod, filepath.FromSlash(path)+"@v1.0.0", "a.go"))
	return err == nil
}

// wants checks what a job has.
func (j *job) wants(t testing.TB, what string, names ...string) {
	t.Helper()
	for _, name := range names {
		has := j.hasEntry(name)
		if strings.Contains(name, "/") {
			has = j.hasModule(name)
		}
		if !has {
			t.Errorf("%s: %s is not there", what, name)
		}
	}
}

// everything is what work makes.
var everything = []string{"a1", "a2", "example.com/one", "example.com/two"}

// next is another run of a job with the same go.sum, on a fresh machine.
func (j *job) next(t *testing.T, name, ref, base string) *job {
	t.Helper()
	n := newJob(t, j.server, name, ref, base)
	for v, sum := range j.sums {
		n.sums[v] = sum
	}
	return n
}
