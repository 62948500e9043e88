package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/usage"
)

var update = flag.Bool("update", false, "write the generated files")

// TestGeneratedFiles: action.yml, its sub-actions and the documentation match the tables.
func TestGeneratedFiles(t *testing.T) {
	for _, f := range Generated() {
		file := filepath.Join("..", "..", filepath.FromSlash(f.Path))
		if *update {
			if err := os.WriteFile(file, []byte(f.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))) != f.Text {
			t.Errorf("%s is out of date: go test ./internal/config -run Generated -update", f.Path)
		}
	}
}

// TestOptions: no command has the same option twice, and each option has a help text.
func TestOptions(t *testing.T) {
	for _, c := range Commands {
		seen := map[string]bool{}
		for _, o := range OptionsOf(c.Command) {
			if seen[o.Name] || o.Help == "" || strings.Contains(o.Help, "[$") {
				t.Errorf("%s: option %s is there twice, or has the help %q", c.Name, o.Name, o.Help)
			}
			seen[o.Name] = true
			if o.IsSwitch() && o.Default != "" || o.Default != "" && o.Origin != "" {
				t.Errorf("%s: the default of option %s is not shown", c.Name, o.Name)
			}
		}
		if c := New(c.Command); c.Check() != nil {
			t.Errorf("the defaults do not pass the check: %v", c.Check())
		}
	}
	common := map[string]bool{}
	for _, o := range options {
		if o.Group == Common {
			common[o.Name] = true
		}
	}
	if len(common) > 10 {
		t.Errorf("%d options come first, which is more than people read", len(common))
	}
}

// TestDefaults: each command has its own defaults.
func TestDefaults(t *testing.T) {
	const day = 24 * time.Hour
	if c := New(Save); c.MaxAge != 14*day || c.Timeout != 10*time.Minute || c.Dir != "." || c.Zips != "" {
		t.Errorf("save: %+v", c)
	}
	if c := New(GC); c.MaxAge != 35*day || c.Timeout != 0 || c.Grace != day {
		t.Errorf("gc: %+v", c)
	}
	want := &Config{Dir: ".", Zips: ZipsOmit, Verify: VerifyPacks, CheckSumDB: SumDBAuto}
	if diff := cmp.Diff(want, New(Try)); diff != "" {
		t.Errorf("try: -want +got\n%s", diff)
	}
}

// TestAudience: a command that can assume a role can say for whom the token is, and a token with no
// audience is one that no trust policy accepts.
func TestAudience(t *testing.T) {
	for _, c := range Commands {
		has := map[string]bool{}
		for _, o := range OptionsOf(c.Command) {
			has[o.Name] = true
		}
		if has["audience"] != has["role-to-assume"] || has["audience"] && New(c.Command).Audience != "sts.amazonaws.com" {
			t.Errorf("%s: a role: %t, an audience: %t, %q", c.Name, has["role-to-assume"], has["audience"], New(c.Command).Audience)
		}
	}
}

// TestFill: values that are already set stay, the first source with a value wins, and a wrong value
// is reported as the user wrote it.
func TestFill(t *testing.T) {
	source := func(name string, values map[string]string) Source {
		return func(o Option) (string, string) { return values[o.Name], name + " " + o.Name }
	}
	first := source("first", map[string]string{"max-age": "7d", "name": ""})
	second := source("second", map[string]string{"max-age": "3d", "name": "n", "scope": "s", "path": "a,b", "grace": "1h"})
	c := New(Save)
	c.Scope = "given"
	if err := c.Fill(Save, func(o string) bool { return o == "scope" }, first, second); err != nil {
		t.Fatal(err)
	}
	want := New(Save)
	want.MaxAge, want.Name, want.Scope, want.Paths = 7*24*time.Hour, "n", "given", []string{"a", "b"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for option, text := range map[string]string{
		"max-age": "soon", "max-size": "3x", "concurrency": "-1", "job-status": "odd", "read-only": "perhaps", "go-sum": "[x",
	} {
		err := New(Save).Fill(Save, nil, source("the source", map[string]string{option: text}))
		if err == nil || !usage.Is(err) || !strings.HasPrefix(err.Error(), `invalid value "`+text+`" in the source `+option+": ") {
			t.Errorf("%s: %v", option, err)
		}
	}
}

// TestEnvironment: options are read from the variables of these names.
func TestEnvironment(t *testing.T) {
	env := map[string]string{"GOCACHE_ACTION_MAX_AGE": "7d", "GOCACHE_ACTION_JOB_STATUS": "canceled", "GOCACHE_ACTION_FAIL_ON_ERROR": ""}
	c := New(Save)
	if err := c.Fill(Save, nil, Environment(func(name string) string { return env[name] })); err != nil {
		t.Fatal(err)
	}
	if c.MaxAge != 7*24*time.Hour || c.JobStatus != JobCancelled || c.FailOnError {
		t.Errorf("%+v", c)
	}
}

// TestScopeOfGC: the scope that a job sets for restore and save is not one to remove.
func TestScopeOfGC(t *testing.T) {
	c := New(GC)
	env := Environment(func(name string) string {
		return map[string]string{"GOCACHE_ACTION_SCOPE": "refs/heads/main", "GOCACHE_ACTION_MAX_AGE": "7d"}[name]
	})
	if err := c.Fill(GC, nil, env); err != nil || c.Scope != "" || c.MaxAge != 7*24*time.Hour {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestCheck(t *testing.T) {
	const arn = "arn:aws:iam::1:role/x"
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.StallTimeout = time.Millisecond }, "for --stall-timeout: want 1s or more"},
		{func(c *Config) { c.Role = "cache" }, `invalid value "cache" for --role-to-assume: want an ARN`},
		{func(c *Config) { c.Role, c.RoleDuration = arn, time.Minute }, "invalid value 1m for $GOCACHE_ACTION_ROLE_DURATION"},
		{func(c *Config) { c.Role, c.RoleDuration = arn, 13*time.Hour }, "invalid value 13h for $GOCACHE_ACTION_ROLE_DURATION"},
		{func(c *Config) { c.Role = arn }, ""},
	} {
		c := New(GC)
		tt.change(c)
		err := c.Check()
		if (err == nil) != (tt.want == "") || err != nil && (!usage.Is(err) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestInputs: each option of restore and save has exactly one input, except those that have none.
func TestInputs(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range Inputs() {
		if seen[in.Name] || in.Help == "" || in.Steps&(StepWhole|StepGC) == 0 || strings.Contains(in.Help, "--") {
			t.Errorf("input %s: twice %t, steps %s, help %q", in.Name, seen[in.Name], in.Steps, in.Help)
		}
		seen[in.Name] = true
	}
	for _, o := range options {
		if o.Commands&(Restore|Save) == 0 {
			continue
		}
		n := 0
		for _, in := range Inputs() {
			if in.Option == o.Name {
				n++
				if o.Commands&Restore != 0 && in.Steps&StepRestore == 0 || o.Commands&Save != 0 && in.Steps&StepSave == 0 {
					t.Errorf("input %s is not in all steps: %s", in.Name, in.Steps)
				}
			}
		}
		if want := !slices.Contains(notInputs, o.Name); (n == 1) != want {
			t.Errorf("option %s has %d inputs", o.Name, n)
		}
	}
}
