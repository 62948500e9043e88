package github

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
)

// A cached lab has the cache service of GitHub, and no bucket.
type cached struct {
	*lab
	service *actionstest.Server
}

func newCached(t *testing.T) *cached {
	l := newBareLab(t)
	// With no package of the standard library nothing of it has to be compiled.
	write(t, filepath.Join(l.project, "lib", "lib.go"), "package lib\n\nimport _ \"github.com/inconshreveable/mousetrap\"\n")
	l.vars["RUNNER"] = filepath.Join(l.root, "runner")
	return &cached{l, actionstest.New(t)}
}

// event runs the workflow with a token for a ref, in which the job may do what permission says, and
// returns the requests.
func (c *cached) event(event, payload, ref string, permission int, vars ...string) (run, map[string]int) {
	c.t.Helper()
	c.service.Counts()
	token := actionstest.Token(actionstest.Grant{Scope: ref, Permission: permission}, actionstest.Grant{Scope: "refs/heads/main", Permission: actionstest.Read})
	r := c.run("cache.yml", event, payload, "", append(vars, "env ACTIONS_RESULTS_URL="+c.service.URL, "env ACTIONS_RUNTIME_TOKEN="+token)...)
	if strings.Contains(r.text, token) {
		c.t.Errorf("the token is in the log:\n%s", r.text)
	}
	return r, c.service.Counts()
}

const readWrite = actionstest.Read | actionstest.Write

func (c *cached) push(branch string, permission int, vars ...string) (run, map[string]int) {
	c.t.Helper()
	return c.event("push", pushTo(branch), "refs/heads/"+branch, permission, vars...)
}

// atMost demands that no more requests were sent than GitHub allows a repository to send often.
func atMost(t *testing.T, what string, counts map[string]int, lookups, creates int) {
	t.Helper()
	if counts[actionstest.Lookup] > lookups || counts[actionstest.Create] > creates {
		t.Errorf("%s: %v, want at most %d lookups and %d entries", what, counts, lookups, creates)
	}
}

// large adds a package whose output is worth an entry.
func (l *lab) large(word string) {
	write(l.t, filepath.Join(l.project, word, word+".go"), "package "+word+"\n\nvar Data = `"+strings.Repeat("0123456789abcde\n", 10<<16)+"`\n")
}

// TestRepositoryCache follows a repository whose workflow configures nothing.
func TestRepositoryCache(t *testing.T) {
	c := newCached(t)
	offline := "GOPROXY=off"

	first, counts := c.push("main", readWrite)
	first.job("test", "success")
	first.says("hit=[] from=[] result=[miss]", "saved in refs/heads/main")
	atMost(t, "a first job", counts, 2*9, 3)
	entries := c.service.Keys("")
	if len(entries) == 0 || len(c.service.Keys("refs/heads/main")) != len(entries) {
		t.Errorf("entries %q", entries)
	}

	second, counts := c.push("main", readWrite, offline)
	second.job("test", "success")
	second.says("hit=[true] from=[refs/heads/main] result=[hit] modules=[1]", "nothing new to save")
	second.summary("**Restored the snapshot of the same module files** from `refs/heads/main`")
	atMost(t, "an unchanged job", counts, 2*9, 0)
	if second.compiled() {
		t.Errorf("the second push compiled:\n%s", second.text)
	}

	c.change("OnBranch")
	branch, counts := c.push("feature", readWrite, offline)
	branch.job("test", "success")
	branch.says("hit=[true] from=[refs/heads/main]", "saved in refs/heads/feature")
	atMost(t, "a changed job", counts, 2*9, 2)

	small, counts := c.event("pull_request", pullRequest(7, "octo/project", "main"), "refs/pull/7/merge", readWrite, offline)
	small.job("test", "success")
	small.says("hit=[true] from=[refs/heads/main]", "are new, and a pull request saves from")
	atMost(t, "a small pull request", counts, 2*9, 0)

	c.large("large")
	pull, counts := c.event("pull_request", pullRequest(7, "octo/project", "main"), "refs/pull/7/merge", readWrite, offline)
	pull.job("test", "success")
	pull.says("hit=[true] from=[refs/heads/main]", "saved in refs/pull/7/merge")
	atMost(t, "a pull request", counts, 2*9, 2)

	again, _ := c.event("pull_request", pullRequest(7, "octo/project", "main"), "refs/pull/7/merge", readWrite, offline)
	again.says("hit=[true] from=[refs/pull/7/merge]", "nothing new to save")
	if again.compiled() {
		t.Errorf("the pull request compiled again:\n%s", again.text)
	}

	fork, _ := c.event("pull_request", pullRequest(8, "mallory/project", "main"), "refs/pull/8/merge", readWrite, offline)
	fork.says("hit=[true] from=[refs/heads/main]", "saved in refs/pull/8/merge")

	main := c.service.Keys("refs/heads/main")
	closed := c.run("clean.yml", "pull_request", pullRequest(7, "octo/project", "main"), "", "TOKEN="+actionstest.Manager, "env GITHUB_API_URL="+c.service.URL)
	closed.job("clean", "success")
	closed.says("removed gocache2", "of refs/pull/7/merge")
	if left := c.service.Keys("refs/pull/7/merge"); len(left) > 0 || !slices.Equal(c.service.Keys("refs/heads/main"), main) {
		t.Errorf("the closed pull request still has %q, main has %q, had %q", left, c.service.Keys("refs/heads/main"), main)
	}
	if strings.Contains(closed.text, actionstest.Manager) {
		t.Errorf("the token is in the log:\n%s", closed.text)
	}

	reader, counts := c.push("main", actionstest.Read, offline)
	reader.job("test", "success")
	reader.says("hit=[true] from=[refs/heads/main]", "read-only: ", "read-only, nothing is saved")
	reader.warns(0)
	atMost(t, "a job that may only read", counts, 9, 0)
}

// TestRepositoryCacheAtOnce: the jobs of a matrix begin at one moment, without a snapshot.
func TestRepositoryCacheAtOnce(t *testing.T) {
	c := newCached(t)
	const jobs, again = 20, 3
	c.concurrent = jobs
	first, counts := c.push("main", readWrite, "JOBS=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]")
	first.job("test", "success")
	if n := strings.Count(first.text, "\nhit=[] from=[]"); n != jobs {
		t.Errorf("%d jobs began without a snapshot:\n%s", n, first.text)
	}
	atMost(t, "first jobs", counts, jobs*2*9, jobs*3)
	first.warns(0)
	second, counts := c.push("main", readWrite, "JOBS=[18,19,20]", "GOPROXY=off") // all take too long
	second.job("test", "success")
	if n := strings.Count(second.text, "\nhit=[true] from=[refs/heads/main] result=[hit] modules=[1]"); n != again {
		t.Errorf("%d jobs have a hit, want %d:\n%s", n, again, second.text)
	}
	if second.compiled() {
		t.Errorf("compiled again:\n%s", second.text)
	}
	atMost(t, "unchanged jobs", counts, again*2*9, 0)
	second.warns(0)
}

// TestRepositoryCacheInTrouble: whatever the service does, the job goes on, and nothing is said
// twice.
func TestRepositoryCacheInTrouble(t *testing.T) {
	c := newCached(t)
	c.service.SetFault(func(actionstest.Request) actionstest.Fault { return actionstest.Fault{Drop: true} })
	outage, _ := c.push("main", readWrite)
	outage.job("test", "success")
	outage.says("result=[unavailable]")
	outage.warns(1)

	c.service.SetFault(nil)
	c.service.Throttle(1<<20, 2*time.Minute) // more than a job waits
	limited, counts := c.push("main", readWrite)
	limited.job("test", "success")
	limited.says("result=[unavailable]", "too many requests of the repository")
	limited.warns(1)
	if n := counts[actionstest.Lookup] + counts[actionstest.Create]; n > 6 {
		t.Errorf("%d requests to a service that says that they are too many", n)
	}

	c.service.Throttle(1, 0)
	saved, _ := c.push("main", readWrite)
	saved.says("saved in refs/heads/main")
	saved.warns(0)

	c.service.Evict(func(key string) bool {
		return strings.HasPrefix(key, "gocache2m-") || strings.HasPrefix(key, "gocache2b-")
	})
	evicted, _ := c.push("main", readWrite)
	evicted.job("test", "success")
	evicted.says("result=[partial] modules=[0]", "saved in refs/heads/main")
	mended, _ := c.push("main", readWrite, "GOPROXY=off")
	mended.says("result=[hit] modules=[1]", "nothing new to save")
}

// TestRunStep: gocache in a step with run cannot reach the service, and says what to do.
func TestRunStep(t *testing.T) {
	l := newBareLab(t)
	r := l.run("runstep.yml", "push", pushTo("main"), "", "BINARY="+l.binary())
	r.job("test", "success")
	r.says("gocache: warning: no store is given, and this machine ends with the job: ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set",
		"gocache: hint: use the action, org/gocache-action@v1", "gocache: warning: store actions: ACTIONS_RESULTS_URL")
}

// binary is the command under test.
func (l *lab) binary() string {
	i := slices.IndexFunc(l.env, func(kv string) bool { return strings.HasPrefix(kv, "GOCACHE_ACTION_BINARY=") })
	return strings.TrimPrefix(l.env[i], "GOCACHE_ACTION_BINARY=")
}

// warns demands so many annotations of gocache.
func (r run) warns(want int) {
	r.t.Helper()
	if n := strings.Count(r.text, "::warning title=gocache::"); n != want {
		r.t.Errorf("%d warnings, want %d:\n%s", n, want, r.text)
	}
}

// TestServerOfOnesOwn: a server that has the old service only is told apart, once.
func TestServerOfOnesOwn(t *testing.T) {
	l := newBareLab(t)
	os.RemoveAll(filepath.Join(l.project, "lib"))
	l.vars["RUNNER"] = filepath.Join(l.root, "runner")
	r := l.run("cache.yml", "push", pushTo("main"), "", "env GITHUB_SERVER_URL=https://github.acme.com", "env ACTIONS_CACHE_URL=http://127.0.0.1:1/",
		"env ACTIONS_RUNTIME_TOKEN=a.b.c")
	r.job("test", "success")
	r.says("the job runs without a cache: version 2 of the cache service is only on github.com and ghe.com, and this job is one of https://github.acme.com", "set the input store or bucket")
	r.warns(1)
}
