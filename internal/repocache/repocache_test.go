package repocache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
)

const (
	day     = 24 * time.Hour
	mainRef = "refs/heads/main"
	pullRef = "refs/pull/7/merge"
)

// caches are those of a repository, with what saves put there.
type caches struct {
	t      *testing.T
	server *actionstest.Server
}

func (c caches) open(ref string) *actions.Store {
	c.t.Helper()
	st, err := actions.New(actions.Options{URL: c.server.URL, Token: actionstest.Branch(ref, mainRef), Patience: 20 * time.Millisecond})
	if err != nil {
		c.t.Fatal(err)
	}
	return st
}

// commit stores objects, and returns the keys of the entries that this made.
func (c caches) commit(ref string, objects ...string) []string {
	c.t.Helper()
	before := c.server.Keys("")
	st := c.open(ref)
	var put []store.Expected
	for _, o := range objects {
		put = append(put, store.Expected{Name: o, Bytes: 100})
	}
	_, err := st.Begin(c.t.Context(), put, nil)
	for _, o := range objects {
		if err == nil {
			_, err = st.Put(c.t.Context(), o, bytes.NewReader([]byte(o)), int64(len(o)), store.Condition{})
		}
	}
	if err == nil {
		err = st.Commit(c.t.Context())
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(c.server.Keys(""), func(key string) bool { return slices.Contains(before, key) })
}

// publish makes a version of a snapshot, with a pack of its own and what the one of the default
// branch has. It returns the keys of the bundle and of the snapshot.
func (c caches) publish(ref, name string, n int) (bundle, entry string) {
	c.t.Helper()
	pack := snapshot.PackObject("o/r", ref, digest.Of(fmt.Append(nil, name, n)))
	st := c.open(ref)
	object := snapshot.ManifestObject("o/r", ref, []string{name, "linux", "amd64", "go1", "digest"})
	_, err := st.Begin(c.t.Context(), []store.Expected{{Bytes: 100}}, nil)
	if err == nil {
		_, err = st.Put(c.t.Context(), pack, strings.NewReader(pack), int64(len(pack)), store.Condition{})
	}
	before := c.server.Keys("")
	if err == nil {
		err = st.Commit(c.t.Context())
	}
	if err == nil {
		_, err = st.Publish(c.t.Context(), object, []byte("manifest"), store.Condition{}, []string{pack})
	}
	made := slices.DeleteFunc(c.server.Keys(""), func(key string) bool { return slices.Contains(before, key) })
	if err != nil || len(made) != 2 {
		c.t.Fatal(made, err)
	}
	return made[0], made[1]
}

// run collects, and returns which of the named entries are gone.
func (c caches) run(change func(*repocache.Options), names map[string]string) (gone []string, res *repocache.Result, err error) {
	c.t.Helper()
	o := repocache.Options{
		API:   repocache.New(repocache.API{URL: c.server.URL, Repo: actionstest.Repo, Token: actionstest.Manager}),
		Rules: repocache.Rules{Now: time.Now(), Grace: day, MaxAge: 35 * day}, BundlesOf: c.open(mainRef).BundlesOf,
	}
	if change != nil {
		change(&o)
	}
	res, err = repocache.Run(c.t.Context(), o)
	keys := c.server.Keys("")
	for name, key := range names {
		if !slices.Contains(keys, key) {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone, res, err
}

func (c caches) moduleObject(path string) string {
	c.t.Helper()
	name, err := snapshot.ModuleObject(module.Version{Path: path, Version: "v1.0.0"}, "h1:"+strings.Repeat("A", 43)+"=")
	if err != nil {
		c.t.Fatal(err)
	}
	return name
}

// world is a repository with all that can be.
func world(t *testing.T) (caches, map[string]string) {
	c := caches{t, actionstest.New(t)}
	names := map[string]string{}
	names["bundle of version 1"], names["version 1"] = c.publish(mainRef, "test", 1)
	names["bundle of version 2"], names["version 2"] = c.publish(mainRef, "test", 2)
	names["bundle of the pull request"], names["the pull request"] = c.publish(pullRef, "test", 1)
	names["unfinished save"] = c.commit(mainRef, snapshot.PackObject("o/r", mainRef, sha256.Sum256([]byte("unfinished"))))[0]
	names["modules"] = c.commit(mainRef, c.moduleObject("example.com/a"))[0]
	names["newest modules"] = c.commit(mainRef, c.moduleObject("example.com/b"))[0]
	c.server.Add(mainRef, "setup-go-linux-x64", []byte("of another action"))
	names["of another action"] = "setup-go-linux-x64"
	c.server.Add(mainRef, "gocache2-of somebody else", []byte("x"))
	names["of another program"] = "gocache2-of somebody else"
	return c, names
}

// TestRun: what goes, by the age of all entries. What the pull request may name stays for longer.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want []string
	}{
		{time.Hour, nil},
		{2 * day, []string{"version 1"}},
		{4 * day, []string{"bundle of version 1", "unfinished save", "version 1"}},
	} {
		w, names := world(t)
		w.server.Age(c.age)
		planned, plan, err := w.run(func(o *repocache.Options) { o.DryRun = true }, names)
		if err != nil || len(planned) > 0 || int(plan.Total.Entries) != len(c.want) {
			t.Errorf("%v: a dry run removes %q: %+v, %v", c.age, planned, plan, err)
		}
		gone, res, err := w.run(nil, names)
		if err != nil || !slices.Equal(gone, c.want) || int(res.Total.Entries) != len(c.want) || len(res.Removals) != len(c.want) {
			t.Errorf("%v: removed %q, %+v, %v", c.age, gone, res, err)
		}
		// Nothing is read while no bundle is old.
		if want := []string{pullRef}; c.age > day && !slices.Equal(res.Unseen, want) {
			t.Errorf("%v: not seen: %q", c.age, res.Unseen)
		}
	}
}

// TestUsed: a bundle that a job has read lately stays, as a snapshot that cannot be seen may name
// it.
func TestUsed(t *testing.T) {
	w, names := world(t)
	w.server.Age(4 * day)
	if _, err := w.open(mainRef).BundlesOf(t.Context(), names["bundle of version 1"]); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if gone, _, err := w.run(nil, names); err != nil || slices.Contains(gone, "bundle of version 1") {
		t.Errorf("removed %q, %v", gone, err)
	}
}

// TestUnseen: a job without the cache service knows no names, so bundles stay; so they do if a
// snapshot is damaged.
func TestUnseen(t *testing.T) {
	w, names := world(t)
	w.server.Age(10 * day)
	if gone, _, err := w.run(func(o *repocache.Options) { o.BundlesOf = nil }, names); err != nil || !slices.Equal(gone, []string{"version 1"}) {
		t.Errorf("removed %q, %v", gone, err)
	}
	w.server.Damage(func(key string) bool { return key == names["version 2"] }, 30)
	gone, res, err := w.run(nil, names)
	if err != nil || !slices.Equal(gone, []string{"version 1"}) || len(res.Warnings) != 1 {
		t.Errorf("removed %q, %q, %v", gone, res.Warnings, err)
	}
	w.server.Age(40 * day)
	if gone, _, err = w.run(nil, names); err != nil || !slices.Contains(gone, "version 2") || !slices.Contains(gone, "the pull request") {
		t.Errorf("old snapshots are still there, only %q are gone, %v", gone, err)
	}
}

// TestScope: everything of a pull request goes, whatever its age, and nothing else.
func TestScope(t *testing.T) {
	w, names := world(t)
	gone, res, err := w.run(func(o *repocache.Options) { o.Scope, o.BundlesOf = pullRef, nil }, names)
	if want := []string{"bundle of the pull request", "the pull request"}; err != nil || !slices.Equal(gone, want) {
		t.Errorf("removed %q, %v", gone, err)
	}
	if len(res.Removals) != 2 || res.Removals[0].Key != names["the pull request"] {
		t.Errorf("not the snapshot first: %+v", res.Removals)
	}
}

// TestPages: there are more entries than the API lists at once.
func TestPages(t *testing.T) {
	w := caches{t, actionstest.New(t)}
	w.server.SetLimits(0, 0)
	last := ""
	for n := range 120 {
		_, last = w.publish(mainRef, "test", n)
	}
	w.server.Age(4 * day)
	gone, res, err := w.run(nil, map[string]string{"last": last})
	if err != nil || len(gone) > 0 || res.Total.Entries != 2*119 {
		t.Errorf("%q, %+v, %v", gone, res.Total, err)
	}
}

// TestShiftedPages: where an entry goes while its neighbours are listed, none of these is missed.
func TestShiftedPages(t *testing.T) {
	w := caches{t, actionstest.New(t)}
	for n := range 150 {
		w.server.Add(mainRef, fmt.Sprint("gocache2b-", n), []byte("x"))
	}
	pages := 0
	w.server.SetFault(func(r actionstest.Request) actionstest.Fault {
		if pages++; pages == 2 {
			w.server.Evict(func(key string) bool { return key == "gocache2b-0" })
		}
		return actionstest.Fault{}
	})
	list, err := repocache.New(repocache.API{URL: w.server.URL, Repo: actionstest.Repo, Token: actionstest.Manager}).List(t.Context(), "")
	if err != nil || len(list) != 149 || pages != 4 {
		t.Errorf("%d entries on %d pages, %v", len(list), pages, err)
	}
}

// TestDaily: that collections read snapshots does not keep them for ever.
func TestDaily(t *testing.T) {
	w := caches{t, actionstest.New(t)}
	bundle, entry := w.publish(mainRef, "test", 1)
	names := map[string]string{"bundle": bundle, "snapshot": entry}
	var gone []string
	for range 40 {
		w.server.Age(day)
		var err error
		if gone, _, err = w.run(nil, names); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"bundle", "snapshot"}; !slices.Equal(gone, want) {
		t.Errorf("gone: %q", gone)
	}
	_, entry = w.publish(mainRef, "other", 1)
	w.server.Counts()
	if _, _, err := w.run(nil, map[string]string{"snapshot": entry}); err != nil || w.server.Counts()[actionstest.Lookup] > 0 {
		t.Errorf("it reads snapshots although no bundle is old: %v", err)
	}
}

// TestTrouble: what GitHub refuses, and what it is asked again.
func TestTrouble(t *testing.T) {
	w, names := world(t)
	w.server.Age(4 * day)
	as := func(token, repo string) func(*repocache.Options) {
		return func(o *repocache.Options) {
			o.API = repocache.New(repocache.API{URL: w.server.URL, Repo: repo, Token: token})
		}
	}
	for name, c := range map[string]struct {
		change func(*repocache.Options)
		want   error
	}{
		"a token that may only read": {as(actionstest.Looker, actionstest.Repo), repocache.ErrMayNot},
		"a token that nobody knows":  {as("ghp_x", actionstest.Repo), repocache.ErrMayNot},
		"another repository":         {as(actionstest.Manager, "octo/other"), store.ErrNotFound},
	} {
		if gone, _, err := w.run(c.change, names); !errors.Is(err, c.want) || len(gone) > 0 {
			t.Errorf("%s: removed %q, %v", name, gone, err)
		}
	}
	w.server.Throttle(1, 0)
	failed := false
	w.server.SetFault(func(r actionstest.Request) (f actionstest.Fault) {
		if r.Kind == actionstest.Delete && !failed {
			failed = true
			f.Status = 502
		}
		return f
	})
	if gone, _, err := w.run(nil, names); err != nil || len(gone) != 3 {
		t.Errorf("after answers that pass: removed %q, %v", gone, err)
	}
	w.server.Throttle(1<<20, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := repocache.New(repocache.API{URL: w.server.URL, Repo: actionstest.Repo, Token: actionstest.Manager}).List(ctx, "")
	if !errors.Is(err, store.ErrUnreachable) || ctx.Err() != nil {
		t.Errorf("a limit that lasts: %v", err)
	}
}
