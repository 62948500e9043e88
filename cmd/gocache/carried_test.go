package main

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestActionPostKeepsWhatMainHad: composite actions give post other inputs or none, steps in between change variables.
func TestActionPostKeepsWhatMainHad(t *testing.T) {
	for name, post := range map[string]map[string]string{
		"no inputs":     {"INPUT_STORE": "", "INPUT_NAME": "", "INPUT_READ-ONLY": ""},
		"others":        {"INPUT_STORE": "file:///nowhere", "INPUT_NAME": "other", "GITHUB_REF": "refs/heads/other", "GOCACHE_ACTION_READ_ONLY": "true"},
		"no job status": {"INPUT_JOB-STATUS": "", "INPUT_NAME": ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newGHRunner(t)
			main := r.phase("main", map[string]string{"INPUT_NAME": "lint", "INPUT_SECRET-ACCESS-KEY": "hidden", "INPUT_ACCESS-KEY-ID": "id"})
			file := filepath.Join(main["STATE_dir"], carriedFile)
			if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			for k, v := range main {
				if k != "log" && strings.Contains(v, "hidden") {
					t.Errorf("%s has the secret", k)
				}
			}
			r.build("A")
			for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GOCACHE"} {
				t.Setenv(k, "of another step")
			}
			t.Chdir(r.root)
			texts := []string{"lint/", "saved in refs/heads/main", "changed since the restore", "the input name", "$AWS_ACCESS_KEY_ID"}
			if name == "no job status" {
				texts = append(texts, "nothing is trimmed")
			}
			r.phase("post", withAll(stateOf(main), post), texts...)
			if _, err := os.Stat(file); err == nil {
				t.Error("post has left the keys")
			}
			if got := os.Getenv("AWS_SECRET_ACCESS_KEY"); got != "hidden" {
				t.Errorf("post used the key %q", got)
			}
		})
	}
}

// TestActionPostStaysReadOnly: an input that main had counts, though post has a store from elsewhere.
func TestActionPostStaysReadOnly(t *testing.T) {
	r := newGHRunner(t)
	r.env["GOCACHE_ACTION_STORE"] = r.env["INPUT_STORE"]
	main := r.phase("main", map[string]string{"INPUT_READ-ONLY": "true"})
	r.build("A")
	r.phase("post", withAll(stateOf(main), map[string]string{"INPUT_READ-ONLY": "", "INPUT_STORE": ""}), "read-only, nothing is saved")
}

// TestActionPostDamagedNotes: post goes on with what it has, and says so.
func TestActionPostDamagedNotes(t *testing.T) {
	r := newGHRunner(t)
	main := r.phase("main", nil)
	if err := os.WriteFile(filepath.Join(main["STATE_dir"], carriedFile), []byte(`{"dir": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	r.build("A")
	r.phase("post", stateOf(main), "is not what main wrote", "saved in refs/heads/main")
}

func TestIsCarried(t *testing.T) {
	for name, want := range map[string]bool{
		"INPUT_STORE": true, "AWS_REGION": true, "Path": true, "GOFLAGS": true, "HOME": true, "GITHUB_REF": true, "https_proxy": true,
		"INPUT_JOB-STATUS": false, "GITHUB_STATE": false, "GITHUB_TOKEN": false, "GOOGLE_APPLICATION_CREDENTIALS": false,
		"STATE_dir": false, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": false, "RUNNER_DEBUG": false,
	} {
		if got := isCarried(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCarriedOthers(t *testing.T) {
	was := carried{Seen: map[string]string{"INPUT_NAME": "a", "GITHUB_REF": "x"}, Process: map[string]string{"PATH": "/a", "AWS_REGION": "r"}}
	now := carried{Seen: map[string]string{"GITHUB_REF": "y"}, Process: map[string]string{"PATH": "/b", "AWS_PROFILE": "p", "AWS_REGION": "r"}}
	if got, want := was.others(now), []string{"$AWS_PROFILE", "the input name"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
