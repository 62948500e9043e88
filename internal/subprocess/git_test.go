package subprocess

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestGitOfAnyone: what a repository names as programs is not run, neither by a look at the work
// tree nor for an object that a partial clone lacks.
func TestGitOfAnyone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs of this test are shell scripts")
	}
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n: > '"+ran+"'\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(dir, "repo")
	for _, args := range [][]string{
		{"init", "-q", repo},
		{"-C", repo, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "all"},
		{"-C", repo, "config", "core.fsmonitor", program},
		{"-C", repo, "config", "core.repositoryFormatVersion", "1"},
		{"-C", repo, "config", "extensions.partialClone", "origin"},
		{"-C", repo, "config", "remote.origin.promisor", "true"},
		{"-C", repo, "config", "remote.origin.url", "ext::" + program},
		{"-C", repo, "config", "protocol.ext.allow", "always"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{
		{"status", "--porcelain"},
		{"cat-file", "-p", "0123456789012345678901234567890123456789"},
	} {
		_ = GitOfAnyone(t.Context(), repo, args...).Run()
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("git %q ran a program of the repository", args)
			os.Remove(ran)
		}
	}
}
