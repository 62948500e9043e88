package gitlab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/stdtest"
)

const exampleDir = "../../../examples/gitlab"

// exampleLab is a lab for the project of the example, with a mirror of this one on the same GitLab,
// whose tag v1 has the component.
func exampleLab(t *testing.T) *lab {
	t.Helper()
	l := bareLab(t)
	modules, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, proxies, _ := strings.Cut(strings.TrimSpace(string(modules)), "\n")
	l.env = append(l.env, "GOPROXY=file://"+filepath.ToSlash(cache)+"/cache/download,"+proxies)
	if err := os.CopyFS(l.project, os.DirFS(exampleDir)); err != nil {
		t.Fatal(err)
	}
	l.init()
	l.write(filepath.Join(l.project, ".git", "info", "exclude"), "/.gitlab-ci-local\n")
	l.mirror()
	return l
}

// mirror makes the mirror, and has git find it where GitLab has it.
func (l *lab) mirror() {
	l.t.Helper()
	mirror := filepath.Join(l.root, "gitlab", "org", "gocache-action.git")
	template, err := os.ReadFile(templateFile)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(filepath.Join(mirror, "templates", "gocache.yml"), string(template))
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "v1.0.0"}, {"tag", "v1"}} {
		l.must(mirror, "git", args...)
	}
	config := filepath.Join(l.root, "gitconfig")
	l.write(config, "[url \"file://"+filepath.Dir(mirror)+"/\"]\n\tinsteadOf = https://gitlab.example.com/org/\n\tinsteadOf = https://gitlab.example.com:443/org/\n")
	l.env = append(l.env, "GIT_CONFIG_GLOBAL="+config)
}

// freshRunner is a runner whose Go has compiled its standard library.
func (l *lab) freshRunner() {
	l.t.Helper()
	l.wipe()
	if err := stdtest.Fill(filepath.Join(l.root, "home", ".cache", "go-build")); err != nil {
		l.t.Fatal(err)
	}
}

// TestExample runs examples/gitlab: on main, which is protected, and in a merge request, each of
// which may assume its own role only.
func TestExample(t *testing.T) {
	l := exampleLab(t)
	store := "CACHE_STORE=" + l.s3.URL("bucket", "")
	const refused = "arn:aws:iam::123456789012:role/refused"

	l.freshRunner()
	log, err := l.pipeline(nil, store, "CI_COMMIT_REF_PROTECTED=true", "CACHE_ROLE_PROTECTED="+l.sts.Role, "CACHE_ROLE="+refused)
	main := l.scopes()["refs~heads~main"]
	if err != nil || strings.Contains(log, "gocache: warning") || !strings.Contains(log, "saved in refs/heads/main") || main == 0 {
		t.Fatalf("main: %v, scopes %v\n%s", err, l.scopes(), log)
	}

	l.freshRunner()
	l.env = append(l.env, "GOPROXY=off")
	l.write(filepath.Join(l.project, "new.go"), "package shard\n\n// Replicas is how many servers have a key.\nconst Replicas = 3\n")
	l.must(l.project, "git", "add", ".")
	l.must(l.project, "git", "commit", "-q", "-m", "two")
	log, err = l.pipeline(nil, store, "CACHE_ROLE_PROTECTED="+refused, "CACHE_ROLE="+l.sts.Role,
		"CI_PIPELINE_SOURCE=merge_request_event", "CI_COMMIT_REF_NAME=topic", "CI_PROJECT_ID=1",
		"CI_MERGE_REQUEST_REF_PATH=refs/merge-requests/7/head", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
		"CI_MERGE_REQUEST_PROJECT_ID=1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=1")
	scopes := l.scopes()
	if err != nil || !strings.Contains(log, "in refs/heads/main, saved") || scopes["refs~merge-requests~7~head"] == 0 || scopes["refs~heads~main"] != main {
		t.Errorf("a merge request: %v, scopes %v\n%s", err, scopes, log)
	}
	for _, request := range l.sts.Requests() {
		if request.Get("RoleArn") != l.sts.Role {
			t.Errorf("a job has asked for %s", request.Get("RoleArn"))
		}
	}
}
