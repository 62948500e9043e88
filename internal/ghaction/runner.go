package ghaction

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/org/gocache-action/internal/samedir"
)

// A runner is told the results of a step: outputs, state, annotations, and what to mask in the log.
// It is used by one goroutine.
type runner struct {
	gh     *githubactions.Action
	env    func(name string) string // of the step itself
	notes  annotations
	failed *trouble // why the step fails
}

// observe gets each message that is printed; kind is "warning" or "error".
func (r *runner) observe(kind, text, hint string) {
	if kind == "error" {
		r.failed = &trouble{first: text, hint: hint}
		return
	}
	r.notes.add(text, hint)
}

// end makes the annotations, and passes the error on.
func (r *runner) end(ctx context.Context, err error) error {
	r.notes.issue(r.gh)
	if err == nil || ctx.Err() != nil { // who cancels a job knows
		return err
	}
	t := r.failed
	if t == nil {
		t = &trouble{first: err.Error()}
	}
	gh := r.gh.WithFieldsMap(map[string]string{"title": "gocache"})
	gh.Errorf("%s", strings.TrimSpace(t.first+"\n"+t.hint))
	return err
}

// warnRefused warns of what did not pass verification.
func (r *runner) warnRefused(refused []string) {
	for _, what := range refused {
		r.notes.add("refused what the store has: "+what, "it is not used, and the next save replaces it")
	}
}

// token gets an OIDC token from the runner, for which the job needs the permission id-token:
// write.
func (r *runner) token(ctx context.Context, audience string) (string, error) {
	token, err := r.gh.GetIDToken(ctx, audience)
	if err != nil {
		return "", fmt.Errorf("id token (does the job have the permission id-token: write?): %w", err)
	}
	r.gh.AddMask(token)
	return token, nil
}

// setState and setOutput do nothing if the runner offers no file for it; the library would panic.
func (r *runner) setState(name, value string) {
	if r.env("GITHUB_STATE") != "" {
		r.gh.SaveState(name, value)
	}
}

func (r *runner) setOutput(name, value string) {
	if r.env("GITHUB_OUTPUT") != "" {
		r.gh.SetOutput(name, value)
	}
}

// setEnv sets a variable for the steps after this one.
func (r *runner) setEnv(name, value string) {
	if r.env("GITHUB_ENV") != "" {
		r.gh.SetEnv(name, value)
	}
}

// mask keeps values out of the log, whoever prints them.
func (r *runner) mask(secrets []string) {
	for _, value := range secrets {
		if value != "" {
			r.gh.AddMask(value)
		}
	}
}

// addPath lets later steps run `gocache plan`. It adds only a directory of the tool cache: any
// other directory may hold programs that would hide those of the job.
func (r *runner) addPath(self string) {
	tools := r.env("RUNNER_TOOL_CACHE")
	if tools == "" || r.env("GITHUB_PATH") == "" {
		return
	}
	if _, ok := samedir.Inside(self, filepath.Join(tools, "gocache")); ok {
		r.gh.AddPath(filepath.Dir(self))
	}
}
