package gitlab

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestComponent follows a project on GitLab: main, a new runner, a merge request from a fork, one
// from the project itself, and jobs that fail.
func TestComponent(t *testing.T) {
	l := newLab(t)
	both := []string{"build", "vet"}

	log, err := l.pipeline(both)
	if err != nil || strings.Contains(log, "gocache: warning") || strings.Count(log, "saved in refs/heads/main") != 2 || !strings.Contains(log, "> compiled example.com/greet") {
		t.Fatalf("the first pipeline: %v\n%s", err, log)
	}
	// Each job gets one session: the save uses what the restore kept, since GitLab would not accept
	// its token any more.
	if n := len(l.sts.Requests()); n != 2 {
		t.Errorf("%d requests to STS in two jobs", n)
	}
	main := l.scopes()
	if len(main) != 1 || main["refs~heads~main"] != 4 { // exact and latest keys of two names
		t.Fatalf("scopes after main: %v", main)
	}

	l.wipe()
	log, err = l.pipeline(both)
	if err != nil || strings.Count(log, "snapshot of the same module files in refs/heads/main") != 2 || strings.Contains(log, "> compiled ") || strings.Count(log, "nothing new to save") != 2 {
		t.Errorf("the second pipeline, on a new runner: %v\n%s", err, log)
	}

	l.wipe()
	request := []string{
		"CI_PIPELINE_SOURCE=merge_request_event", "CI_COMMIT_REF_NAME=topic", "CI_PROJECT_ID=1",
		"CI_MERGE_REQUEST_REF_PATH=refs/merge-requests/7/head", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
		"CI_MERGE_REQUEST_PROJECT_ID=1", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=someone/shop",
	}
	log, err = l.pipeline(both[:1], append(request, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=2")...)
	if err != nil || !strings.Contains(log, "in refs/heads/main, saved") || !strings.Contains(log, "read-only") || !maps.Equal(l.scopes(), main) {
		t.Errorf("a fork's merge request: %v, scopes %v\n%s", err, l.scopes(), log)
	}
	l.write(filepath.Join(l.project, "new.go"), "package shop\n\nfunc New() int { return 1 }\n")
	l.must(l.project, "git", "add", ".")
	l.must(l.project, "git", "commit", "-q", "-m", "two")
	log, err = l.pipeline(both[:1], append(request, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=1")...)
	const scope = "refs~merge-requests~7~head"
	if err != nil || strings.Contains(log, "> compiled example.com/greet") || !strings.Contains(log, "saved in refs/merge-requests/7/head") || l.scopes()[scope] != 2 || l.scopes()["refs~heads~main"] != 4 {
		t.Errorf("a merge request: %v, scopes %v\n%s", err, l.scopes(), log)
	}

	// Jobs that end in other ways, on a protected branch, which has a role of its own.
	before := len(l.sts.Requests())
	log, err = l.pipeline([]string{"broken", "broken-unsaved", "other-image"},
		"CI_COMMIT_REF_PROTECTED=true", "GOCACHE_PROTECTED_ROLE="+l.sts.Role, "GOCACHE_ROLE=arn:aws:iam::123456789012:role/other")
	if err != nil || strings.Count(log, "gocache: warning") != 1 || len(l.sts.Requests()) != before+2 {
		t.Errorf("%v\n%s", err, log)
	}
	for _, want := range []string{
		"nothing is trimmed: the job", "saved in refs/heads/main",
		"the job failed: nothing is saved", "warning: no gocache-of-another-image in PATH", "> ran",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
}

// TestCanceled runs the component's own script as GitLab does after a job was canceled, which
// gitlab-ci-local cannot do.
func TestCanceled(t *testing.T) {
	script := readTemplate(t).afterScript
	dir := t.TempDir()
	program := filepath.Join(dir, "gocache")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho ran \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "shop.tmp", "gocache-1")
	for status, want := range map[string]string{"canceled": "was canceled: nothing is saved", "success": "ran save", "failed": "ran save"} {
		if err := os.MkdirAll(left, 0o700); err != nil {
			t.Fatal(err)
		}
		out := runScript(t, script, "CI_JOB_STATUS="+status, "CI_PROJECT_DIR="+filepath.Join(dir, "shop"), "CI_JOB_ID=1",
			"GOCACHE_BINARY="+program, "GOCACHE_SAVE_ON_FAILURE=true", "GOCACHE_SAVE_TIMEOUT=1m")
		if !strings.Contains(out, want) || status == "canceled" && strings.Contains(out, "ran") {
			t.Errorf("%s: %s", status, out)
		}
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Errorf("%s: credentials are left: %v", status, err)
		}
	}
}
