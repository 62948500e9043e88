package github

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkflow follows a repository through its events. Each step starts with the bucket that the
// previous one left.
func TestWorkflow(t *testing.T) {
	l := newLab(t)
	offline := "GOPROXY=off"

	first := l.run("ci.yml", "push", pushTo("main"), "")
	first.job("test", "success")
	first.says("hit=[] from=[]", "::group::gocache restore", "saved in refs/heads/main")
	first.wroteOnly("refs/heads/main")
	first.summary("### 🌱 Go cache: `ci/test`")
	if !first.compiled() || strings.Contains(first.text, l.server.SecretKey) || strings.Contains(first.text, l.server.AccessKey) {
		t.Errorf("nothing compiled, or a key in the log:\n%s", first.text)
	}

	second := l.run("ci.yml", "push", pushTo("main"), "", offline)
	second.job("test", "success")
	second.says("hit=[true] from=[refs/heads/main]", "modules=[2]", "nothing new to save")
	second.wroteNothing()
	second.summary("### ✅ Go cache: `ci/test`", "**Restored the snapshot of the same module files** from `refs/heads/main`", "Nothing new to save.",
		"**100 %**", "| Modules | 2 | 0 | 0 | 0 |", "xychart-beta", "github.com/inconshreveable/mousetrap@v1.1.0")
	if second.compiled() {
		t.Errorf("the second push compiled:\n%s", second.text)
	}

	l.change("OnBranch")
	branch := l.run("ci.yml", "push", pushTo("feature"), "", offline)
	branch.job("test", "success")
	branch.says("hit=[true] from=[refs/heads/main]", "saved in refs/heads/feature")
	branch.wroteOnly("refs/heads/feature")

	pr := l.run("ci.yml", "pull_request", pullRequest(7, "octo/project", "main"), "", offline)
	pr.job("test", "success")
	pr.says("hit=[true] from=[refs/heads/main]", "saved in refs/pull/7/merge")
	pr.wroteOnly("refs/pull/7/merge")

	fork := l.run("ci.yml", "pull_request", pullRequest(8, "mallory/project", "main"), "", offline)
	fork.job("test", "success")
	fork.says("hit=[true] from=[refs/heads/main]", "read-only: the pull request comes from a fork, mallory/project")
	fork.wroteNothing()
	fork.summary("from another scope, `refs/heads/main`", "Read-only: nothing is saved.")

	target := l.run("ci.yml", "pull_request_target", pullRequest(8, "mallory/project", "main"), "", offline)
	target.job("test", "success")
	target.says("hit=[true] from=[refs/heads/main]", "read-only: pull_request_target")
	target.wroteNothing()

	skipped := l.run("ci.yml", "push", pushTo("main"), "", offline, "FAIL=3", "SAVE_ON_FAILURE=false")
	skipped.job("test", "failure")
	skipped.says("the job failed: nothing is saved")
	skipped.wroteNothing()

	started := filepath.Join(l.root, "started")
	cancelled := l.run("ci.yml", "push", pushTo("main"), started, offline, "SLEEP="+started)
	cancelled.job("test", "failure") // act has no other result for this
	cancelled.says("the job was cancelled: nothing is saved")
	cancelled.wroteNothing()
	cancelled.summary("from `refs/heads/main`")

	failed := l.run("ci.yml", "push", pushTo("main"), "", offline, "FAIL=3")
	failed.job("test", "failure")
	failed.says("nothing is trimmed: the job failed", "saved in refs/heads/main")
	failed.wroteOnly("refs/heads/main")
}

// TestSteps: restore and save as separate steps, the whole action besides them for a second
// project, and jobs of a matrix, which share nothing.
func TestSteps(t *testing.T) {
	l := newLab(t)
	// Without imports from the standard library, none of it has to be compiled.
	write(t, filepath.Join(l.project, "lib", "lib.go"), "package lib\n\nimport _ \"github.com/inconshreveable/mousetrap\"\n")
	store := "STORE=file://" + filepath.Join(l.root, "store")
	first := l.run("steps.yml", "push", pushTo("main"), "", store, "FLAVOUR=sweet")
	first.job("test", "success")
	first.says("look=[]", "key=[steps/test/flavour=plain/", "key=[steps/test/flavour=sweet/", "saved=[true]", "flavour=sweet/nested/")
	second := l.run("steps.yml", "push", pushTo("main"), "", store, "FLAVOUR=salty", "GOPROXY=off")
	second.job("test", "success")
	second.says("look=[true] entries=[0]", "one=[true]", "saved=[false] bytes=[0]", "flavour=salty/")
	if n := strings.Count(second.text, "\nlook=[true]"); n != 1 {
		t.Errorf("%d jobs had a hit, want only the one that ran before:\n%s", n, second.text)
	}
}

// TestTrouble: a problem with the cache causes one warning. A problem with the workflow, or one for
// which failure was requested, fails the job.
func TestTrouble(t *testing.T) {
	l := newLab(t)
	bin := t.TempDir()
	for _, name := range []string{"sh", "bash", "git", "env"} { // what a job needs, except go
		if path, err := exec.LookPath(name); err == nil {
			os.Symlink(path, filepath.Join(bin, name))
		}
	}
	r := l.run("trouble.yml", "push", pushTo("main"), "", "STORE=file://"+filepath.Join(l.root, "store"),
		"WITHOUT_GO="+filepath.Dir(node(t))+string(filepath.ListSeparator)+bin)
	for job, want := range map[string]string{"without-store": "success", "unreachable": "success", "without-go": "success", "miss": "failure", "mistake": "failure"} {
		r.job(job, want)
	}
	r.says("no store is given, the job runs without a cache", "connection refused", "install Go, or run gocache after the step that puts it into PATH",
		"no snapshot found for never saved/", `invalid value "much" in the input max-size`)
	if n := strings.Count(r.text, "\njob goes on\n"); n != 3 {
		t.Errorf("%d jobs went on:\n%s", n, r.text)
	}
}

// TestActionlint checks all workflows, including those of the tests, and the inputs that they pass
// to actions of this repository.
func TestActionlint(t *testing.T) {
	lint := tool(t, "GOCACHE_TEST_ACTIONLINT", "actionlint")
	for _, root := range []string{repository(t), filepath.Join(repository(t), "test", "e2e", "github", "testdata", "project")} {
		files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no workflows in %s", root)
		}
		cmd := exec.Command(lint, append([]string{"-no-color", "-shellcheck=", "-pyflakes="}, files...)...)
		cmd.Dir = repository(t)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("actionlint: %v\n%s", err, out)
		}
	}
}
