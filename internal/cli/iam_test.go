package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/ci/citest"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// A policyJob runs jobs whose keys have the policies of the documentation, on a server that
// enforces them.
type policyJob struct {
	*testJob
	gateway *storetest.Server
}

// as makes the next commands those of an event, with the keys of a user.
func (j *policyJob) as(keys *storetest.Server, event ci.Env) {
	j.t.Helper()
	j.env = map[string]string{}
	for _, name := range []string{"GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_WORKFLOW", "GITHUB_JOB", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REF", "GITHUB_BASE_REF"} {
		j.env[name] = event(name)
	}
	j.env["GITHUB_REPOSITORY"] = "acme/shop"
	j.env[config.Variable("store")] = keys.URL("acme-cache", "")
	keys.Setenv(j.t) // the SDK reads the real environment
}

// objects returns the objects of the bucket.
func (j *policyJob) objects() map[string]string {
	return filesBelow(j.t, filepath.Join(j.gateway.DataDir, "acme-cache"))
}

// TestPoliciesAgainstServer gives the policies of the documentation to a real server and runs jobs
// with them. Each job saves what it may and reads what it needs. If it may not write, it warns and
// goes on.
func TestPoliciesAgainstServer(t *testing.T) {
	iam := s3test.NewIAM(t)
	iam.Gateway.Bucket(t, "acme-cache")
	docs := documentedPolicies(t)
	for _, name := range []string{"github-trust-main", "github-trust-pr", "gitlab-trust-main"} {
		trust := strings.ReplaceAll(docs[name], "123456789012", s3test.Account)
		if complaint := iam.Role(t, name, trust); complaint != "" {
			t.Errorf("trust policy %s: %s", name, complaint)
		}
		// GitHub's issuer serves everybody, so a policy that does not say whose tokens count is
		// refused.
		if open := strings.ReplaceAll(trust, ":sub", ":jti"); strings.HasPrefix(name, "github") && iam.Role(t, name+"-open", open) == "" {
			t.Errorf("trust policy %s is accepted without a subject", name)
		}
	}
	iam.User(t, "branches", docs["github-branches"]) // this policy is well-formed, too
	iam.User(t, "others", docs["gitlab-others"])
	main, pr := iam.User(t, "main", docs["github-main"]), iam.User(t, "pr", docs["github-pr"])

	t.Setenv("GOPROXY", goproxytest.NewTestServer(t, "../../testdata/modules", "").URL)
	j := &policyJob{newTestJob(t), iam.Gateway}
	j.write("m/go.mod", "module example.com/m\n\ngo 1.21\n\nrequire example.com/greet v1.0.0\n")
	j.write("m/m.go", "package m\n\nimport \"example.com/greet\"\n\nvar X = greet.Hello\n")
	j.goCommand("mod", "tidy")
	push := citest.GitHub(t, "push", "push", "GITHUB_REF="+citest.MainRef)
	pull := citest.GitHub(t, "pull_request", "pull_request", "GITHUB_REF="+citest.OwnPR, "GITHUB_BASE_REF=main")

	// The pull request comes first: it may add public modules.
	j.as(pr, pull)
	j.says("no snapshot found", "restore", "--fail-on-error")
	j.goCommand("build", "./...")
	j.says("saved in "+citest.OwnPR, "save", "--fail-on-error")
	for name := range j.objects() {
		if !strings.HasPrefix(name, "v2/modules/") && !strings.HasPrefix(name, snapshot.ScopePrefix(onGH, citest.OwnPR)+"/") {
			t.Errorf("the pull request wrote %s", name)
		}
	}
	j.as(main, push)
	own := j.compile()
	j.says("saved in "+citest.MainRef, "save", "--fail-on-error")

	// A new pull request starts with the snapshot of main, and saves what is new.
	j.fresh()
	other := citest.GitHub(t, "pull_request", "pull_request", "GITHUB_REF=refs/pull/9/merge", "GITHUB_BASE_REF=main")
	j.as(pr, other)
	j.says("in "+citest.MainRef, "restore", "--fail-on-error")
	if !j.has(own) {
		t.Error("the entry of main was not restored")
	}
	foreign := j.compile()
	j.says("saved in refs/pull/9/merge", "save", "--fail-on-error")

	// Now an attacker runs commands with the keys of the pull request, and nothing tells gocache
	// that this is a pull request.
	before := j.objects()
	j.as(pr, push)
	foreign2 := j.compile()
	out := j.says(" (write "+snapshot.ScopePrefix(onGH, citest.MainRef), "save")
	if !strings.Contains(out, "gocache: warning: bucket ") || !strings.Contains(out, ": access denied: ") || !strings.Contains(out, "hint: check the credentials of the job and what the bucket policy, or its role in Azure or Google Cloud, grants it") {
		t.Errorf("the warning does not say why:\n%s", out)
	}
	if code, _ := j.run("save", "--fail-on-error"); code != config.ExitFailed {
		t.Errorf("with --fail-on-error: exit code %d", code)
	}
	// Now the keys of main are used for a scope that is not main's.
	j.as(main, other)
	j.says("access denied", "save")
	if list := changed(before, j.objects()); len(list) > 0 {
		t.Errorf("changed: %s", list)
	}

	j.fresh()
	j.as(main, push)
	j.says("snapshot of the same module files in "+citest.MainRef, "restore", "--fail-on-error")
	if !j.has(own) || j.has(foreign) || j.has(foreign2) {
		t.Error("main does not find its own entry, or those of others")
	}

	// Without permission to add public modules, everything else is saved.
	j.fresh()
	few := iam.User(t, "few", strings.Replace(docs["github-pr"], `"s3:AbortMultipartUpload"], "Resource": [
      "arn:aws:s3:::acme-cache/v2/modules/*",`, `"s3:AbortMultipartUpload"], "Resource": [`, 1))
	if err := os.RemoveAll(filepath.Join(iam.Gateway.DataDir, "acme-cache", "v2", "modules")); err != nil {
		t.Fatal(err)
	}
	j.as(few, citest.GitHub(t, "pull_request", "pull_request", "GITHUB_REF=refs/pull/11/merge", "GITHUB_BASE_REF=main"))
	j.goCommand("build", "./...")
	if out := j.says("saved in refs/pull/11/merge", "save", "--fail-on-error", "--name", "another"); !strings.Contains(out, "warning: module example.com/greet@v1.0.0 is not saved: ") {
		t.Errorf("no warning about the module:\n%s", out)
	}
}
