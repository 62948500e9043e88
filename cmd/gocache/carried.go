package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// What main resolved has to hold for post, but the runner gives post other inputs than main in
// composite actions, or none, and the steps in between can change every variable. So main leaves
// what decides in the directory of its step, and post works with that. Only how the job went is
// asked anew. The file can hold keys: it is readable for this user alone, and post removes it.

// carriedFile is in the directory of a step.
const carriedFile = "main.json"

// carried is what a phase had.
type carried struct {
	Dir  string            `json:"dir"`  // working directory
	Seen map[string]string `json:"seen"` // inputs and variables as the commands read them
	// variables of the process, for the go command and the SDK
	Process map[string]string `json:"process"`
}

// freshNames are asked anew in post: how the job went, tokens that end soon, and the files by which
// the runner is told.
var freshNames = []string{
	"INPUT_JOB-STATUS", twin("job-status"), tokenVariable, twin("binary"),
	"GITHUB_TOKEN", "GITHUB_STATE", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY",
}

// carriedNames are variables that decide and belong to no family.
var carriedNames = []string{
	"PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "RUNNER_TEMP", "CC", "CXX", "FC", "PKG_CONFIG",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// isCarried reports whether post uses main's value of a variable, also that it was not set.
func isCarried(name string) bool {
	name = strings.ToUpper(name) // Windows spells Path, curl http_proxy
	if slices.Contains(freshNames, name) || strings.HasPrefix(name, "GOOGLE") {
		return false
	}
	for _, family := range []string{"INPUT_", "GITHUB_", twinPrefix, "AWS_", "GO", "CGO_"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return slices.Contains(carriedNames, name)
}

// carriedEnviron returns those variables of the process.
func carriedEnviron() map[string]string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); name != "" && isCarried(name) {
			vars[name] = value
		}
	}
	return vars
}

// carry collects what decides in this phase.
func (x *action) carry() carried {
	dir, _ := os.Getwd() // without one nothing is restored that post could save
	c := carried{Dir: dir, Seen: map[string]string{}, Process: carriedEnviron()}
	for _, name := range x.readNames() {
		if value, ok := x.env(name); ok && isCarried(name) {
			c.Seen[name] = value
		}
	}
	return c
}

// readNames lists what the commands can read: what the process has, and what their environment may
// have beside it.
func (x *action) readNames() []string {
	names := []string{
		"GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_REF", "GITHUB_BASE_REF", "GITHUB_HEAD_REF", "GITHUB_SHA", "GITHUB_RUN_ID",
		"GITHUB_WORKFLOW", "GITHUB_JOB", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_WORKSPACE", "RUNNER_TEMP", customerKeyVariable, twin("matrix"),
	}
	for _, in := range x.in.list {
		names = append(names, "INPUT_"+strings.ToUpper(in.name), twin(in.name))
		if in.flag != "" {
			names = append(names, twin(in.flag))
		}
	}
	for name := range carriedEnviron() {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// writeCarried keeps what main had.
func writeCarried(dir string, c carried) error {
	if dir == "" {
		return nil // which was reported
	}
	data, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, carriedFile), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("what post has to use: %w", err)
	}
	return nil
}

// takeCarried reads what main had, and removes it: it can hold keys.
func takeCarried(dir string) (*carried, error) {
	file := filepath.Join(dir, carriedFile)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("what main had: %w", err)
	}
	removed := os.Remove(file)
	c := new(carried)
	if json.Unmarshal(data, c) != nil || c.Seen == nil || c.Process == nil {
		return nil, errors.Join(fmt.Errorf("what main had: %s is not what main wrote", file), removed)
	}
	return c, removed
}

// lostState is the mark that main leaves where it could make no directory: to post, no directory
// means that main was never reached.
const lostState = "lost"

// useCarried makes post work with what main had. It returns what post was given itself. After an
// error the inputs of main are not known, such as that it is only to read, or the name: nothing may
// be saved with others.
func (x *action) useCarried(dir string) (*carried, error) {
	switch {
	case x.env.get("STATE_"+lostState) != "":
		return nil, errors.New("what main had: it could leave no notes")
	case dir == "":
		return nil, nil // a step whose main was never reached
	}
	c, err := takeCarried(dir)
	if c == nil {
		return nil, err
	}
	if err != nil {
		x.notes.add(err.Error(), "it can hold keys; remove it")
	}
	now := x.carry()
	if list := c.others(now); len(list) > 0 {
		x.out.say("changed since the restore, and used as they were then: %s", strings.Join(list, ", "))
	}
	env := x.env
	x.env = func(name string) (string, bool) {
		if !isCarried(name) {
			return env(name)
		}
		value, ok := c.Seen[name]
		return value, ok
	}
	x.in.env = x.env
	if err := errors.Join(setEnviron(c.Process, now.Process), os.Chdir(c.Dir)); err != nil {
		return nil, fmt.Errorf("what main had: %w", err)
	}
	if _, err := exec.LookPath("go"); err != nil && now.Process["PATH"] != "" {
		os.Setenv("PATH", now.Process["PATH"])
		x.out.say("the go of the restore is gone; the one in PATH now is used")
	}
	return &now, nil
}

// setEnviron changes the process from what it has now to what it had.
func setEnviron(want, now map[string]string) error {
	var errs []error
	for name := range now {
		if _, ok := want[name]; !ok {
			errs = append(errs, os.Unsetenv(name))
		}
	}
	for name, value := range want {
		if old, ok := now[name]; !ok || old != value {
			errs = append(errs, os.Setenv(name, value))
		}
	}
	return errors.Join(errs...)
}

// others names the inputs and variables that are not what they were, without their values. Steps
// add to PATH as a matter of course, and GITHUB_ variables are the runner's own.
func (c carried) others(now carried) []string {
	var list []string
	add := func(was, is map[string]string) {
		for name := range was {
			if was[name] != is[name] {
				list = append(list, name)
			}
		}
	}
	for _, m := range [][2]map[string]string{{c.Seen, now.Seen}, {now.Seen, c.Seen}, {c.Process, now.Process}, {now.Process, c.Process}} {
		add(m[0], m[1])
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(name string) bool {
		return strings.EqualFold(name, "PATH") || strings.HasPrefix(name, "GITHUB_") || name == "RUNNER_TEMP"
	})
	for i, name := range list {
		if in, ok := strings.CutPrefix(name, "INPUT_"); ok {
			list[i] = "the input " + strings.ToLower(in)
		} else {
			list[i] = "$" + name
		}
	}
	return list
}

// newCredentials puts the credentials of post into the process in the place of main's. It reports
// whether they are others.
func (x *action) newCredentials(now *carried) bool {
	if now == nil {
		return false
	}
	vars := map[string]string{}
	for _, v := range [][2]string{{"AWS_ACCESS_KEY_ID", "ACCESS-KEY-ID"}, {"AWS_SECRET_ACCESS_KEY", "SECRET-ACCESS-KEY"}, {"AWS_SESSION_TOKEN", "SESSION-TOKEN"}} {
		vars[v[0]] = now.Process[v[0]]
		if now.Seen["INPUT_ACCESS-KEY-ID"] != "" {
			vars[v[0]] = now.Seen["INPUT_"+v[1]]
		}
	}
	if vars["AWS_ACCESS_KEY_ID"] == "" || vars["AWS_ACCESS_KEY_ID"] == os.Getenv("AWS_ACCESS_KEY_ID") {
		return false
	}
	for name, value := range vars {
		if value != "" && name != "AWS_ACCESS_KEY_ID" {
			x.gh.AddMask(value)
		}
		if os.Setenv(name, value) != nil {
			return false
		}
	}
	return true
}
