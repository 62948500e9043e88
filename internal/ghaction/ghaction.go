// Package ghaction runs a step of a GitHub workflow: it makes a configuration from the inputs, runs
// a restore or a save with it, and reports to the runner: outputs, annotations, and state for the
// post phase.
//
// It knows nothing about stores and caches: it is given functions that restore and save. It reads
// the environment through Surroundings only.
package ghaction

import (
	"context"
	"encoding/json"
	"io"
	"runtime"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/org/gocache-action/internal/config"
)

// Commands are what a step runs. Restore and Save print what they do, and why they fail. Their
// result is nil after wrong usage.
type Commands struct {
	Restore func(context.Context, *config.Config, Job) (*Restored, error)
	Save    func(context.Context, *config.Config, Job) (*Saved, error)
	// Collect removes from a store what nobody needs, and prints what that is.
	Collect func(context.Context, *config.Config, Job) error
	// NoDefault says why a step without a store has none: nil if the job has one by itself.
	NoDefault func() error
	// Summarize adds what there is to say about the job to its summary. Either result can be nil.
	Summarize func(*config.Config, *Restored, *Saved)
}

// A Job is what a step has beside its configuration.
type Job struct {
	Notes string // directory for what restore leaves for save; "" for the usual place
	Token func(ctx context.Context, audience string) (string, error)
}

// Files in the directory of Job.Notes that the commands write.
const (
	StateFile   = "state.json"   // between restore and save
	SessionFile = "session.json" // temporary credentials, which post removes
)

// Restored is what a step has to know of a restore.
type Restored struct {
	CacheResult      string // an output
	Known            bool   // the store was asked, so that the rest means something
	Key              string
	Found, Exact     bool
	FoundKey         string // of the snapshot that was found
	FoundScope       string
	Scope            string // of the job
	Entries, Modules int
	Written, Fetched int64
	Refused          []string // what did not pass verification, and why
	Title            string   // in a line

	Details json.RawMessage // for the summary
}

// Saved is what a step has to know of a save.
type Saved struct {
	Known            bool
	Key, Scope       string
	Written          bool
	Entries, Modules int
	Uploaded, Stored int64
	Title            string
	Expired          bool // the credentials were no longer valid

	Details any // for the summary
}

// Surroundings are the environment of a step, and the process in which it runs.
type Surroundings interface {
	// Getenv is the environment of the step.
	Getenv(name string) string
	// Environ are the variables that the go command and the SDK read.
	Environ() map[string]string
	Setenv(name, value string) error
	Unsetenv(name string) error
	Getwd() (string, error)
	Chdir(dir string) error
	TempDir() string
	// Executable is the path of this program.
	Executable() (string, error)
	// Has reports whether PATH has a program.
	Has(program string) bool
}

// A Step is one phase of a step of a workflow.
type Step struct {
	runner   *runner
	around   Surroundings
	env      func(name string) string // what counts: in post, what main had
	in       config.Given
	commands Commands
	say      func(format string, args ...any)
	// foldNames says that the system ignores the case of the names of variables.
	foldNames bool

	restored *Restored
	saved    *Saved
}

// New makes a step that writes workflow commands to out, and text for people with say. Who prints
// warnings and errors passes them to Observe.
func New(out io.Writer, around Surroundings, say func(format string, args ...any)) *Step {
	env := around.Getenv
	gh := githubactions.New(githubactions.WithWriter(out), githubactions.WithGetenv(env))
	return &Step{
		runner: &runner{gh: gh, env: env},
		around: around, env: env, in: config.NewGiven(Inputs(env)), say: say, foldNames: runtime.GOOS == "windows",
	}
}

// InputVariable is where the runner puts an input: it upper-cases names and leaves hyphens.
func InputVariable(name string) string { return "INPUT_" + strings.ToUpper(name) }

// Inputs reads inputs from an environment.
func Inputs(env func(name string) string) func(input string) string {
	return func(input string) string { return env(InputVariable(input)) }
}

// configuration is that of a command: from the inputs, then the environment, then what suits the
// runner.
func (s *Step) configuration(cmd config.Command) (*config.Config, error) {
	c := config.New(cmd)
	if err := c.Fill(cmd, nil, s.in.Source, config.Inheritable(config.Environment(s.env)), s.ofRunner); err != nil {
		return nil, err
	}
	var err error
	c.Store, err = s.in.Store(c.Store, s.env)
	return c, err
}

// ofRunner is the source for options that nobody has set. If the runner does not pass the status of
// the job, the job counts as failed, so that nothing is dropped.
func (s *Step) ofRunner(o config.Option) (text, origin string) {
	switch {
	case o.Name == "job-status":
		return config.JobFailure, "the runner"
	case o.Name == "debug" && s.env("RUNNER_DEBUG") == "1":
		return "true", "$RUNNER_DEBUG" // "Enable debug logging" of a rerun
	}
	return "", ""
}

// Getenv is the environment that counts for this phase: in post, what main had.
func (s *Step) Getenv(name string) string { return s.env(name) }

// Observe gets each message that is printed; kind is "warning" or "error".
func (s *Step) Observe(kind, text, hint string) { s.runner.observe(kind, text, hint) }

// secrets are the values that the log must not show.
func (s *Step) secrets() []string {
	return append(s.in.Secrets(), s.env(config.Variable("sign-key")), s.env(config.Variable("sse-c-key")))
}

// end writes the annotations and returns err. What is missing is usual on a new branch, but bytes
// that do not match their hash are a problem. Main reports them; post does not repeat it.
func (s *Step) end(ctx context.Context, err error) error {
	if s.restored != nil && s.env("STATE_dir") == "" {
		s.runner.warnRefused(s.restored.Refused)
	}
	return s.runner.end(ctx, err)
}
