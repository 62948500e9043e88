package ghaction

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/config"
)

// Post must work with the settings of main. But in composite actions the runner gives post other
// inputs than main, or none, and the steps in between can change any variable. So main writes its
// inputs and variables to a file in the directory of its step, and post uses those; only the status
// of the job is read anew. The file may hold keys: only this user can read it, and post removes it.

// carriedFile is in the directory of a step.
const carriedFile = "main.json"

// carried is what a phase works with.
type carried struct {
	Dir  string            `json:"dir"`  // working directory
	Seen map[string]string `json:"seen"` // inputs and variables as the commands read them
	// variables of the process, for the go command and the SDK
	Process map[string]string `json:"process"`
}

// freshNames are read anew in post: the status of the job, tokens that expire soon, and the files
// for messages to the runner.
var freshNames = []string{
	"INPUT_JOB-STATUS", config.Variable("job-status"), config.TokenVariable, config.Variable("binary"),
	"GITHUB_TOKEN", "GITHUB_STATE", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY",
}

// carriedNames are other variables that influence a restore or a save.
var carriedNames = []string{
	"PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "RUNNER_TEMP", "CC", "CXX", "FC", "PKG_CONFIG",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// isCarried reports whether post uses the value that a variable had in main, even if it was not
// set.
func isCarried(name string) bool {
	name = strings.ToUpper(name) // Windows spells Path, curl http_proxy
	if slices.Contains(freshNames, name) {
		return false
	}
	if strings.HasPrefix(name, "GOOGLE") { // others are of other programs
		return name == "GOOGLE_APPLICATION_CREDENTIALS"
	}
	for _, family := range []string{"INPUT_", "GITHUB_", config.Variable(""), "AWS_", "AZURE_", "GO", "CGO_"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return slices.Contains(carriedNames, name)
}

// carriedEnviron returns those variables of the process.
func (s *Step) carriedEnviron() map[string]string {
	vars := map[string]string{}
	for name, value := range s.around.Environ() {
		if isCarried(name) {
			vars[s.spelled(name)] = value
		}
	}
	return vars
}

// spelled is a name as the maps of carried have it. Windows ignores the case of the names of
// variables: it has Path and LOCALAPPDATA, and workflows ask for PATH and LocalAppData.
func (s *Step) spelled(name string) string {
	if s.foldNames {
		return strings.ToUpper(name)
	}
	return name
}

// carry collects what influences a restore or a save in this phase.
func (s *Step) carry() carried {
	dir, _ := s.around.Getwd() // without one nothing is restored that post could save
	c := carried{Dir: dir, Seen: map[string]string{}, Process: s.carriedEnviron()}
	for _, name := range readNames(c.Process) {
		if value := s.env(name); value != "" && isCarried(name) {
			c.Seen[name] = value
		}
	}
	return c
}

// readNames lists the variables that commands may read: those of the process, and those that a step
// may have beside them.
func readNames(environ map[string]string) []string {
	names := []string{
		"GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_REF", "GITHUB_BASE_REF", "GITHUB_HEAD_REF", "GITHUB_SHA", "GITHUB_RUN_ID",
		"GITHUB_WORKFLOW", "GITHUB_JOB", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_WORKSPACE", "RUNNER_TEMP",
	}
	for _, in := range config.Inputs() {
		names = append(names, InputVariable(in.Name))
	}
	for _, o := range config.Options() {
		names = append(names, config.Variable(o.Name))
	}
	for name := range environ {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// writeCarried writes down what main works with.
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

// takeCarried reads what main worked with, and removes the file, which may hold keys.
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

// lostState is the mark that main leaves if it could make no directory. Without the mark, post
// would conclude that main was never reached.
const lostState = "lost"

// useCarried makes post work with what main had, and returns what post itself was given. After an
// error the inputs of main are not known, such as its name or that it must not write, so nothing
// may be saved.
func (s *Step) useCarried(dir string) (*carried, error) {
	switch {
	case s.env("STATE_"+lostState) != "":
		return nil, errors.New("what main had: it could leave no notes")
	case dir == "":
		return nil, nil // a step whose main was never reached
	}
	c, err := takeCarried(dir)
	if c == nil {
		return nil, err
	}
	if err != nil {
		s.runner.notes.add(err.Error(), "it can hold keys; remove it")
	}
	now := s.carry()
	if list := c.others(now); len(list) > 0 {
		s.say("changed since the restore, and used as they were then: %s", strings.Join(list, ", "))
	}
	env := s.env
	s.env = func(name string) string {
		if !isCarried(name) {
			return env(name)
		}
		return c.Seen[s.spelled(name)]
	}
	s.in = config.NewGiven(Inputs(s.env))
	if err := errors.Join(setEnviron(s.around, c.Process, now.Process), s.around.Chdir(c.Dir)); err != nil {
		return nil, fmt.Errorf("what main had: %w", err)
	}
	if path := now.Process["PATH"]; path != "" && !s.around.Has("go") {
		if err := s.around.Setenv("PATH", path); err != nil {
			return nil, fmt.Errorf("what main had: %w", err)
		}
		s.say("the go of the restore is gone; the one in PATH now is used")
	}
	return &now, nil
}

// setEnviron changes the variables of the process from now to want.
func setEnviron(around Surroundings, want, now map[string]string) error {
	var errs []error
	for name := range now {
		if _, ok := want[name]; !ok {
			errs = append(errs, around.Unsetenv(name))
		}
	}
	for name, value := range want {
		if old, ok := now[name]; !ok || old != value {
			errs = append(errs, around.Setenv(name, value))
		}
	}
	return errors.Join(errs...)
}

// others names the inputs and variables that have changed, without their values. Changes of PATH
// are usual, and GITHUB_ variables belong to the runner; both are left out.
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
		return strings.EqualFold(name, "PATH") || strings.HasPrefix(name, "GITHUB_") || name == "RUNNER_TEMP" || c.fromInput(now, name)
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

// fromInput reports whether main itself made a variable, from an input with a key. Post has it only
// once its own inputs are read.
func (c carried) fromInput(now carried, name string) bool {
	return c.Seen[InputVariable("access-key-id")] != "" && now.Process[name] == "" &&
		slices.ContainsFunc(keyVariables, func(v struct{ variable, input string }) bool { return v.variable == name })
}

// newCredentials replaces the credentials of main in the process by those of post. It reports
// whether they differ.
func (s *Step) newCredentials(now *carried) bool {
	if now == nil {
		return false
	}
	vars := map[string]string{}
	for _, v := range keyVariables {
		vars[v.variable] = now.Process[v.variable]
		if now.Seen[InputVariable("access-key-id")] != "" {
			vars[v.variable] = now.Seen[InputVariable(v.input)]
		}
	}
	const id = "AWS_ACCESS_KEY_ID"
	if vars[id] == "" || vars[id] == s.carriedEnviron()[id] {
		return false
	}
	for name, value := range vars {
		if value != "" && name != id {
			s.runner.gh.AddMask(value)
		}
		if s.around.Setenv(name, value) != nil {
			return false
		}
	}
	return true
}
