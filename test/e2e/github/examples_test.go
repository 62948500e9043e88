package github

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// An example is a directory of examples, as somebody has it who has copied it. Its runners have a
// compiled standard library.
type example struct {
	*lab
	ran map[string]bool // workflows
}

// examples are the tests of the directories that have workflows.
var examples = map[string]func(*example){
	"one-module":    oneModule,
	"monorepo":      monorepo,
	"matrix":        matrix,
	"golangci-lint": linter,
	"reusable":      reusable,
	"self-hosted":   selfHosted,
	"docker":        docker,
	"gc":            nightly,
	"pull-request":  closing,
	"team":          team,
}

// TestExamples runs the workflows of the examples: once with nothing stored, and again on a new
// runner, offline.
func TestExamples(t *testing.T) {
	root := filepath.Join(repository(t), "examples")
	found, err := filepath.Glob(filepath.Join(root, "*", ".github"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, dir := range found {
		dir = filepath.Dir(dir)
		check := examples[filepath.Base(dir)]
		if check == nil {
			t.Errorf("nothing runs %s", dir)
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			e := &example{lab: labOf(t, dir, nil), ran: map[string]bool{}}
			e.std, e.actions = true, standIns(t)
			check(e)
			e.allRan(dir)
		})
	}
}

// standIns are the actions of others that the examples use.
func standIns(t *testing.T) map[string]string {
	dir, err := filepath.Abs(filepath.Join("testdata", "actions"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"actions/setup-go@v6":              filepath.Join(dir, "setup-go"),
		"golangci/golangci-lint-action@v9": filepath.Join(dir, "golangci-lint-action"),
	}
}

// docker is not run, as there is no docker here: test/e2e/image builds its image.
func docker(e *example) { e.ran["image.yml"] = true }

// allRan demands that each workflow of the directory was run; one that is called has no event.
func (e *example) allRan(dir string) {
	e.t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, ".github", "workflows", "*"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err != nil || !e.ran[filepath.Base(file)] && !strings.Contains(string(data), "\n  workflow_call:") {
			e.t.Errorf("%s was not run, %v", file, err)
		}
	}
}

// succeeds runs a workflow, and demands that all jobs that were run end well, without a warning.
func (e *example) succeeds(workflow, event, payload string, vars ...string) run {
	e.t.Helper()
	e.ran[workflow] = true
	r := e.run(workflow, event, payload, "", vars...)
	for job, result := range r.jobs {
		if result != "success" {
			e.t.Fatalf("job %s: %s\n%s", job, result, r.text)
		}
	}
	if len(r.jobs) == 0 {
		e.t.Fatalf("%s: no job was run\n%s", workflow, r.text)
	}
	// act checks out to another directory each time.
	r.warns(strings.Count(r.text, "::warning title=gocache::the snapshot was saved in another checkout directory"))
	return r
}

// hits demands that so many jobs were restored from main, as it was saved with these module files.
func (r run) hits(want int) {
	r.t.Helper()
	r.reports(`snapshot of the same module files in refs/heads/main, saved`, want)
}

// saves demands that so many jobs have saved in the scope of main.
func (r run) saves(want int) {
	r.t.Helper()
	r.reports(`saved in refs/heads/main$`, want)
}

// reports demands that so many jobs end their log of a phase so.
func (r run) reports(text string, want int) {
	r.t.Helper()
	if n := len(regexp.MustCompile(`(?m)^gocache: \S+: `+text).FindAllString(r.text, -1)); n != want {
		r.t.Errorf("%d times %q, want %d:\n%s", n, text, want, r.text)
	}
}

// offline keeps the go command from downloading modules.
const offline = "env GOPROXY=off"

// inRepository gives the example the cache of its repository, and returns the variables of a run
// for a ref.
func (e *example) inRepository() (service *actionstest.Server, at func(ref string) []string) {
	service = actionstest.New(e.t)
	return service, func(ref string) []string {
		token := actionstest.Token(actionstest.Grant{Scope: ref, Permission: readWrite}, actionstest.Grant{Scope: "refs/heads/main", Permission: actionstest.Read})
		return []string{"env ACTIONS_RESULTS_URL=" + service.URL, "env ACTIONS_RUNTIME_TOKEN=" + token}
	}
}

// twice runs a workflow on main, and again offline on a new runner, where so many jobs have a hit.
func (e *example) twice(workflow string, jobs int, vars ...string) (first, second run) {
	e.t.Helper()
	first = e.succeeds(workflow, "push", pushTo("main"), append(vars, "env GOPROXY="+e.vars["GOPROXY"])...)
	first.saves(jobs)
	second = e.succeeds(workflow, "push", pushTo("main"), append(vars, offline)...)
	second.hits(jobs)
	return first, second
}

const mainRef = "refs/heads/main"

func oneModule(e *example) {
	_, at := e.inRepository()
	e.twice("ci.yml", 1, at(mainRef)...)
	// A pull request from a fork begins with what main has.
	fork := e.succeeds("ci.yml", "pull_request", pullRequest(7, "mallory/project", "main"), append(at("refs/pull/7/merge"), offline)...)
	fork.hits(1)
}

func monorepo(e *example) {
	_, at := e.inRepository()
	first, _ := e.twice("api.yml", 1, at(mainRef)...)
	first.says("example.com/shop/api", "example.com/shop/lib/shard")
	worker := e.succeeds("worker.yml", "push", pushTo("main"), append(at(mainRef), offline)...)
	// Another snapshot, and the same modules: they are stored once, for all jobs.
	worker.says("no snapshot found", "example.com/shop/worker", "saved in refs/heads/main")
}

func matrix(e *example) {
	_, at := e.inRepository()
	e.only = "os:ubuntu-latest" // there is no other here
	first, _ := e.twice("ci.yml", 2, at(mainRef)...)
	first.says("go=oldstable,os=ubuntu-latest", "go=stable,os=ubuntu-latest")
	branch := e.succeeds("ci.yml", "push", pushTo("feature"), append(at("refs/heads/feature"), offline)...)
	branch.hits(2)
	branch.reports("read-only, nothing is saved", 2)
}

func linter(e *example) {
	_, at := e.inRepository()
	vars := append(at(mainRef), "env GOPROXY="+e.vars["GOPROXY"])
	first := e.succeeds("lint.yml", "push", pushTo("main"), vars...)
	first.says("nothing was linted before", "saved in refs/heads/main")
	if err := os.RemoveAll(filepath.Join(e.root, "home", ".cache", "golangci-lint")); err != nil {
		e.t.Fatal(err)
	}
	second := e.succeeds("lint.yml", "push", pushTo("main"), append(at(mainRef), offline)...)
	second.hits(1)
	second.says("linted before")
}

func reusable(e *example) {
	_, at := e.inRepository()
	first, _ := e.twice("ci.yml", 2, at(mainRef)...)
	first.says("unit/", "integration/")
}

// inBucket gives the example a bucket that only a role can reach.
func (e *example) inBucket() *storetest.STS {
	e.server = storetest.Gateway(e.t)
	e.server.Bucket(e.t, "bucket")
	sts := storetest.NewSTS(e.t, e.server)
	runner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") != "Bearer of-this-job" || q.URL.Query().Get("audience") != "sts.amazonaws.com" {
			http.Error(w, "no such job", http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"value": sts.Token})
	}))
	e.t.Cleanup(runner.Close)
	e.env = append(e.env, sts.Env()...)
	e.env = append(e.env, "ACTIONS_ID_TOKEN_REQUEST_URL="+runner.URL+"?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-this-job")
	maps.Copy(e.vars, map[string]string{"GOCACHE_STORE": e.server.URL("bucket", ""), "GOCACHE_ROLE": sts.Role, "GOCACHE_GC_ROLE": sts.Role})
	return sts
}

func selfHosted(e *example) {
	e.inBucket()
	e.twice("ci.yml", 1)
	e.keeps = true
	again := e.succeeds("ci.yml", "push", pushTo("main"), offline)
	again.hits(1)
	if !regexp.MustCompile(`(?m)^modules +0 +1 +0 +0$`).MatchString(again.text) {
		e.t.Errorf("the module was not there already:\n%s", again.text)
	}
	e.alone()
	e.only = "runner:builder-1"
	trimmed := e.succeeds("trim.yml", "schedule", pushTo("main"))
	trimmed.says("trimmed")
}

// alone puts a gocache into PATH that sees no go commands but its own, as on a machine on which no
// other tests run.
func (e *example) alone() {
	alone := []string{"unshare", "-p", "-f", "--mount-proc"}
	if out, err := exec.Command(alone[0], append(alone[1:], "true")...).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 {
			e.t.Fatalf("no PID namespaces: %v: %s", err, out)
		}
		e.t.Skipf("may not make PID namespaces: %v: %s", err, out)
	}
	program := filepath.Join(e.root, "bin", "gocache")
	write(e.t, program, "#!/bin/sh\nexec "+strings.Join(alone, " ")+" "+e.binary()+` "$@"`+"\n")
	if err := os.Chmod(program, 0o755); err != nil {
		e.t.Fatal(err)
	}
	e.prependPath(filepath.Dir(program))
}

func (e *example) prependPath(dir string) {
	for i, kv := range e.env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			e.env[i] = "PATH=" + dir + string(filepath.ListSeparator) + path
		}
	}
}

// nightly collects in a bucket that has two snapshots, of which one was saved long ago.
func nightly(e *example) {
	e.inBucket()
	for _, branch := range []string{"main", "old"} {
		save := exec.Command(e.binary(), "save", "--store", e.vars["GOCACHE_STORE"], "--scope", "refs/heads/"+branch, "--repo", "github.com/octo/project",
			"--name", "ci", "--no-modules", "--fail-on-error")
		build := filepath.Join(e.root, "runner", "build")
		e.newRunner()
		save.Dir = e.project
		write(e.t, filepath.Join(e.project, "go.mod"), "module example.com/m\n\ngo 1.25\n")
		save.Env = append(slices.Clone(e.env), "GOCACHE="+build, "AWS_ACCESS_KEY_ID="+e.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+e.server.SecretKey)
		e2etest.MustRun(e.t, save)
	}
	then := time.Now().AddDate(0, 0, -36)
	for _, name := range e.manifests("old") {
		if err := os.Chtimes(filepath.Join(e.server.DataDir, "bucket", filepath.FromSlash(name)), then, then); err != nil {
			e.t.Fatal(err)
		}
	}
	main := e.manifests("main")
	r := e.succeeds("gc.yml", "schedule", pushTo("main"))
	if len(main) == 0 || !slices.Equal(e.manifests("main"), main) || len(e.manifests("old")) > 0 {
		e.t.Errorf("main had %q, and has %q; old has %q:\n%s", main, e.manifests("main"), e.manifests("old"), r.text)
	}
}

// manifests are the names of the manifests of a branch.
func (e *example) manifests(branch string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(e.objects())), func(name string) bool {
		return !strings.Contains(name, "/refs~heads~"+branch+"/snapshots/")
	})
}

func closing(e *example) {
	service, at := e.inRepository()
	e.twice("ci.yml", 1, at(mainRef)...)
	e.large("large")
	const ref = "refs/pull/7/merge"
	e.succeeds("ci.yml", "pull_request", pullRequest(7, "octo/project", "main"), append(at(ref), offline)...).says("saved in " + ref)
	main := service.Keys(mainRef)
	e.succeeds("clean.yml", "pull_request_target", pullRequest(7, "octo/project", "main"),
		append(at(mainRef), "secret GITHUB_TOKEN="+actionstest.Manager, "env GITHUB_API_URL="+service.URL)...)
	if left := service.Keys(ref); len(left) > 0 || !slices.Equal(service.Keys(mainRef), main) {
		e.t.Errorf("left %q, main has %q, had %q", left, service.Keys(mainRef), main)
	}
}
