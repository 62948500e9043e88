package ghaction

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/usage"
)

// A fakeJob is a job on a runner, with commands that only record how they are called.
type fakeJob struct {
	t    *testing.T
	dir  string
	env  map[string]string // of the step
	vars map[string]string // of the process
	wd   string
	// as on Windows, the case of variable names is ignored
	fold  bool
	hasGo bool

	restored *Restored
	saved    *Saved
	err      error
	// why the job has no store by itself
	noDefault error

	log        bytes.Buffer
	asked      []*config.Config
	jobs       []Job
	summarized [][2]bool
}

func newFakeJob(t *testing.T) *fakeJob {
	dir := t.TempDir()
	return &fakeJob{
		t: t, dir: dir, wd: "/w", hasGo: true, noDefault: errors.New("here is none"),
		env: map[string]string{
			"RUNNER_TEMP": dir, "GITHUB_OUTPUT": filepath.Join(dir, "output"), "GITHUB_STATE": filepath.Join(dir, "state"),
			"INPUT_STORE": "s3://bucket", "INPUT_JOB-STATUS": "success",
		},
		vars:     map[string]string{"PATH": "/bin", "AWS_REGION": "r"},
		restored: &Restored{CacheResult: "miss", Known: true, Key: "k", Scope: "s", Title: "no snapshot", Details: json.RawMessage(`{"a":1}`)},
		saved:    &Saved{Known: true, Key: "k", Scope: "s", Written: true, Title: "saved"},
	}
}

func (j *fakeJob) Getenv(name string) string       { return j.env[j.known(j.env, name)] }
func (j *fakeJob) Environ() map[string]string      { return maps.Clone(j.vars) }
func (j *fakeJob) Setenv(name, value string) error { j.vars[j.known(j.vars, name)] = value; return nil }
func (j *fakeJob) Unsetenv(name string) error      { delete(j.vars, j.known(j.vars, name)); return nil }
func (j *fakeJob) Getwd() (string, error)          { return j.wd, nil }
func (j *fakeJob) Chdir(dir string) error          { j.wd = dir; return nil }
func (j *fakeJob) TempDir() string                 { return j.dir }
func (j *fakeJob) Executable() (string, error)     { return "/tools/gocache/gocache", nil }
func (j *fakeJob) Has(string) bool                 { return j.hasGo }

// known returns a name as the environment already has it, in whatever case.
func (j *fakeJob) known(vars map[string]string, name string) string {
	for other := range vars {
		if j.fold && strings.EqualFold(other, name) {
			return other
		}
	}
	return name
}

func (j *fakeJob) commands() Commands {
	ask := func(c *config.Config, job Job) {
		j.asked, j.jobs = append(j.asked, c), append(j.jobs, job)
	}
	return Commands{
		Restore: func(_ context.Context, c *config.Config, job Job) (*Restored, error) {
			ask(c, job)
			return j.restored, j.err
		},
		Save: func(_ context.Context, c *config.Config, job Job) (*Saved, error) {
			ask(c, job)
			return j.saved, j.err
		},
		Collect: func(_ context.Context, c *config.Config, job Job) error {
			ask(c, job)
			return j.err
		},
		NoDefault: func() error { return j.noDefault },
		Summarize: func(_ *config.Config, r *Restored, s *Saved) {
			j.summarized = append(j.summarized, [2]bool{r != nil, s != nil})
		},
	}
}

// phase runs a phase, and returns the outputs and the state that it has set. The state has the
// names under which the runner passes it to post.
func (j *fakeJob) phase(name string) (map[string]string, error) {
	j.t.Helper()
	j.log.Reset()
	j.asked, j.jobs, j.summarized = nil, nil, nil
	for _, file := range []string{"GITHUB_OUTPUT", "GITHUB_STATE"} {
		os.Remove(j.env[file])
	}
	step := New(&j.log, j, func(format string, args ...any) {})
	step.foldNames = step.foldNames || j.fold
	var err error
	for _, p := range Phases {
		if p.Name == name {
			err = p.Run(step, context.Background(), j.commands())
		}
	}
	set := map[string]string{}
	for file, prefix := range map[string]string{"GITHUB_OUTPUT": "", "GITHUB_STATE": "STATE_"} {
		data, _ := os.ReadFile(j.env[file])
		lines := strings.Split(string(data), "\n")
		for i := 0; i+1 < len(lines); i++ {
			if key, _, ok := strings.Cut(lines[i], "<<"); ok {
				set[prefix+key] = strings.TrimSpace(lines[i+1])
			}
		}
	}
	return set, err
}

// TestMainAndPost: post works with the inputs, the variables, the directory and the notes of main.
func TestMainAndPost(t *testing.T) {
	j := newFakeJob(t)
	maps.Copy(j.env, map[string]string{"INPUT_MAX-AGE": "7d", "INPUT_NAME": "lint", "INPUT_ACCESS-KEY-ID": "id", "INPUT_SECRET-ACCESS-KEY": "hidden"})
	set, err := j.phase("main")
	if err != nil || len(j.asked) != 1 || j.asked[0].Name != "lint" || j.vars["AWS_SECRET_ACCESS_KEY"] != "hidden" {
		t.Fatalf("%v, %+v, %v", err, j.asked, j.vars)
	}
	dir := j.jobs[0].Notes
	if set["STATE_dir"] != dir || dir == "" {
		t.Errorf("the notes are in %q, but the state names %q", dir, set["STATE_dir"])
	}
	if j.summarized != nil {
		t.Error("main writes a summary, which post writes")
	}
	maps.Copy(j.env, set)
	maps.Copy(j.env, map[string]string{"INPUT_STORE": "", "INPUT_MAX-AGE": "1d", "INPUT_NAME": "other"})
	j.vars = map[string]string{"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "of another step"}
	j.wd = "/elsewhere"
	if _, err := j.phase("post"); err != nil || len(j.asked) != 1 {
		t.Fatalf("%v, %s", err, &j.log)
	}
	c := j.asked[0]
	if c.Store != "s3://bucket" || c.Name != "lint" || c.MaxAge != 7*24*time.Hour || c.JobStatus != config.JobSuccess || j.jobs[0].Notes != dir {
		t.Errorf("post saves with %+v and notes in %s", c, j.jobs[0].Notes)
	}
	want := map[string]string{"PATH": "/bin", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": ""}
	if diff := cmp.Diff(want, j.vars); diff != "" || j.wd != "/w" {
		t.Errorf("in %s: -want +got\n%s", j.wd, diff)
	}
	if diff := cmp.Diff([][2]bool{{true, true}}, j.summarized); diff != "" {
		t.Errorf("the summary does not cover both phases: %s", diff)
	}
}

// TestPostMayNotSave: post saves nothing if the job or main says so.
func TestPostMayNotSave(t *testing.T) {
	for name, more := range map[string]map[string]string{
		"main has said why":     {"STATE_skip": "true"},
		"main left no notes":    {"STATE_lost": "true"},
		"notes are gone":        {"STATE_dir": "/nowhere/at/all"},
		"cancelled":             {"INPUT_JOB-STATUS": "cancelled"},
		"failed, and not asked": {"INPUT_JOB-STATUS": "failure", "INPUT_SAVE-ON-FAILURE": "false"},
		"no store":              {"INPUT_STORE": ""},
	} {
		j := newFakeJob(t)
		maps.Copy(j.env, more)
		if _, err := j.phase("post"); err != nil || j.asked != nil {
			t.Errorf("%s: %v, %+v", name, err, j.asked)
		}
	}
}

// TestStoreByItself: where no store is named, the one of the repository counts, unless a bucket was
// meant.
func TestStoreByItself(t *testing.T) {
	for name, c := range map[string]struct {
		more map[string]string
		err  error
		says string // the warning; "": the step goes on
	}{
		"there is one":          {},
		"an old server":         {err: errors.New("version 2 is elsewhere"), says: "no store is given, the job runs without a cache: version 2 is elsewhere"},
		"a bucket was meant":    {more: map[string]string{"INPUT_REGION": "r"}, says: "no store is given, and the input region is for a bucket"},
		"its keys are there":    {more: map[string]string{"INPUT_ACCESS-KEY-ID": "a", "INPUT_SECRET-ACCESS-KEY": "b"}, says: "the input access-key-id is for a bucket"},
		"its role is there":     {more: map[string]string{"GOCACHE_ACTION_ROLE_TO_ASSUME": "arn:x"}, says: "the role is for a bucket"},
		"kept in a special way": {more: map[string]string{"GOCACHE_ACTION_SSE": "AES256"}, says: "$GOCACHE_ACTION_SSE is for a bucket"},
		"a switch is off":       {more: map[string]string{"INPUT_PATH-STYLE": "false"}},
	} {
		j := newFakeJob(t)
		j.env["INPUT_STORE"], j.noDefault = "", c.err
		maps.Copy(j.env, c.more)
		set, err := j.phase("main")
		if err != nil || (len(j.asked) == 1) != (c.says == "") || (set["STATE_skip"] == "") != (c.says == "") || !strings.Contains(j.log.String(), c.says) {
			t.Errorf("%s: %v, asked %d times, %v\n%s", name, err, len(j.asked), set, &j.log)
		}
	}
}

// TestCollect: gc has its own defaults, and fails the step.
func TestCollect(t *testing.T) {
	j := newFakeJob(t)
	maps.Copy(j.env, map[string]string{"INPUT_STORE": "", "INPUT_SCOPE": "refs/pull/7/merge", "INPUT_GRACE": "2h"})
	j.noDefault = nil
	j.err = errors.New("may not")
	if _, err := j.phase("gc"); !errors.Is(err, j.err) || len(j.asked) != 1 || !strings.Contains(j.log.String(), "::error title=gocache::may not") {
		t.Fatalf("%v, %+v\n%s", err, j.asked, &j.log)
	}
	if c := j.asked[0]; c.Scope != "refs/pull/7/merge" || c.Grace != 2*time.Hour || c.MaxAge != 35*24*time.Hour {
		t.Errorf("%+v", c)
	}
}

// TestConfigurationOfStep: steps set what a runner does not pass, and what it requires.
func TestConfigurationOfStep(t *testing.T) {
	j := newFakeJob(t)
	maps.Copy(j.env, map[string]string{
		"INPUT_JOB-STATUS": "", "RUNNER_DEBUG": "1", "GOCACHE_ACTION_MAX_AGE": "3d", "GOCACHE_ACTION_JSON": "true", "GOCACHE_ACTION_STATE": "/x",
	})
	if _, err := j.phase("save"); err != nil || len(j.asked) != 1 {
		t.Fatal(err, j.asked)
	}
	c := j.asked[0]
	if c.JobStatus != config.JobFailure || !c.Debug || c.MaxAge != 3*24*time.Hour || c.JSON || c.State != "" || j.jobs[0].Notes != "" {
		t.Errorf("%+v", c)
	}
}

// TestRestoreOutputs: expressions of later steps can read these outputs.
func TestRestoreOutputs(t *testing.T) {
	known := Restored{CacheResult: "partial", Known: true, Key: "n/abc", Scope: "own", Entries: 5, Modules: 2, Written: 100, Fetched: 10}
	latest, exact := known, known
	latest.Found, latest.FoundKey, latest.FoundScope = true, "n/latest", "base"
	exact.Found, exact.Exact, exact.FoundKey, exact.FoundScope, exact.CacheResult = true, true, "n/abcdef", "own", "hit"
	figures := map[string]string{"cache-primary-key": "n/abc", "scope": "own", "restored-entries": "5", "restored-modules": "2", "restored-bytes": "100", "fetched-bytes": "10"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(figures)
		maps.Copy(all, more)
		return all
	}
	for name, c := range map[string]struct {
		restored *Restored
		want     map[string]string
	}{
		"wrong usage": {nil, map[string]string{"cache-result": "unavailable", "cache-hit": ""}},
		"outage":      {&Restored{CacheResult: "unavailable"}, map[string]string{"cache-result": "unavailable", "cache-hit": ""}},
		"miss":        {&known, with(map[string]string{"cache-result": "partial", "cache-hit": "", "cache-matched-key": "", "matched-scope": ""})},
		"latest":      {&latest, with(map[string]string{"cache-result": "partial", "cache-hit": "false", "cache-matched-key": "n/latest", "matched-scope": "base"})},
		"exact":       {&exact, with(map[string]string{"cache-result": "hit", "cache-hit": "true", "cache-matched-key": "n/abc", "matched-scope": "own"})},
	} {
		j := newFakeJob(t)
		j.restored = c.restored
		got, err := j.phase("restore")
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got\n%s", name, err, diff)
		}
	}
}

// TestEveryOutputIsKnown: steps set exactly the outputs that action.yml lists.
func TestEveryOutputIsKnown(t *testing.T) {
	for name, step := range map[string]config.Step{"restore": config.StepRestore, "save": config.StepSave} {
		j := newFakeJob(t)
		got, err := j.phase(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range config.Outputs {
			if _, ok := got[o.Name]; ok != (o.Steps&step != 0) {
				t.Errorf("%s sets %s: %t", name, o.Name, ok)
			}
			delete(got, o.Name)
		}
		if len(got) > 0 {
			t.Errorf("%s sets %v", name, got)
		}
	}
}

// TestErrorOfStep: a step that fails prints one annotation with the reason, and returns the error
// with its type.
func TestErrorOfStep(t *testing.T) {
	j := newFakeJob(t)
	j.err = errors.New("store does not answer")
	if _, err := j.phase("restore"); !errors.Is(err, j.err) || !strings.Contains(j.log.String(), "::error title=gocache::store does not answer") {
		t.Errorf("%v\n%s", err, &j.log)
	}
	j.err = nil
	j.env["INPUT_MODULES"] = "maybe"
	if _, err := j.phase("main"); !usage.Is(err) || j.asked != nil || !strings.Contains(j.log.String(), "::error title=gocache::invalid value \"maybe\" in the input modules") {
		t.Errorf("%v\n%s", err, &j.log)
	}

	// Someone who cancels a job knows why it ended.
	j = newFakeJob(t)
	j.err = errors.New("interrupted")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := New(&j.log, j, func(string, ...any) {}).Restore(ctx, j.commands()); !errors.Is(err, j.err) || strings.Contains(j.log.String(), "::error") {
		t.Errorf("%v\n%s", err, &j.log)
	}
}

// TestRefusedIsTold: bytes that do not match their hash are annotated by main, and not again by
// post.
func TestRefusedIsTold(t *testing.T) {
	j := newFakeJob(t)
	j.restored.Refused = []string{"example.com/m@v1.0.0: wrong hash"}
	set, err := j.phase("main")
	if err != nil || !strings.Contains(j.log.String(), "::warning title=gocache::refused what the store has: example.com/m@v1.0.0") {
		t.Errorf("%v\n%s", err, &j.log)
	}
	maps.Copy(j.env, set)
	if _, err := j.phase("post"); err != nil || strings.Contains(j.log.String(), "refused") {
		t.Errorf("post: %v\n%s", err, &j.log)
	}
}

// TestNewCredentials: the credentials of main have expired, and the job has new ones by now.
func TestNewCredentials(t *testing.T) {
	j := newFakeJob(t)
	j.vars["AWS_ACCESS_KEY_ID"] = "first"
	set, err := j.phase("main")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(j.env, set)
	j.vars["AWS_ACCESS_KEY_ID"], j.vars["AWS_SECRET_ACCESS_KEY"] = "second", "of the second"
	j.saved.Expired = true
	if _, err := j.phase("post"); err != nil || len(j.asked) != 2 || j.vars["AWS_ACCESS_KEY_ID"] != "second" || !strings.Contains(j.log.String(), "::add-mask::of the second") {
		t.Errorf("%v, %d saves, %v\n%s", err, len(j.asked), j.vars, &j.log)
	}
}
