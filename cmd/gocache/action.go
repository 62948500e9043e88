package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"
	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/store/s3"
)

const actionLong = `Action is what the GitHub action runs: main before the steps of the job, post after
them, or restore and save where a workflow has a step for each. It reads the inputs
of the action and tells the runner what came of it. In a shell, use restore and save.`

// actionCommand is hidden: its users are action.yml and its sisters, by way of shim/gocache.js.
func (a *app) actionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "action", Short: "Run a step of the GitHub action", Long: actionLong, Hidden: true, Args: cobra.NoArgs}
	for _, p := range []struct {
		name, short string
		run         func(*action, context.Context) error
	}{
		{"main", "Restore, before the steps of the job", (*action).main},
		{"post", "Save, after the steps of the job", (*action).post},
		{"restore", "Restore, where saving is another step", (*action).restore},
		{"save", "Save, where restoring is another step", (*action).save},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: p.name, Short: p.short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.run(a.newAction(), cmd.Context()) },
		})
	}
	cmd.AddCommand(a.actionDocsCommand())
	return cmd
}

// An action is one phase of a step. It runs the commands restore and save with the inputs as twins
// of their flags.
type action struct {
	gh     *githubactions.Action
	out    *console
	in     inputValues
	env    lookupEnv
	notes  annotations
	failed *trouble // why the step fails

	process *process

	restored *restoreOutput
	saved    *saveOutput
}

// newAction writes everything to stdout, for the runner reads both streams and keeps no order
// between them.
func (a *app) newAction() *action {
	x := &action{process: a.process, env: a.lookup, in: inputValues{env: a.lookup, list: inputs()}}
	x.gh = githubactions.New(githubactions.WithWriter(a.out.stdout), githubactions.WithGetenv(a.lookup.get))
	x.out = &console{stdout: a.out.stdout, stderr: a.out.stdout, observe: func(kind, text, hint string) {
		if kind == "error" {
			x.failed = &trouble{first: text, hint: hint}
			return
		}
		x.notes.add(text, hint)
	}}
	return x
}

// main restores. Its notes for post lie in a directory of its own, so that a job can use the action
// more than once.
func (x *action) main(ctx context.Context) error {
	dir, err := x.makeStateDir()
	if err != nil {
		x.notes.add(err.Error(), notSavedWithoutNotes)
		x.setState(lostState, "true")
	}
	if err := x.begin("restore", "save"); err != nil {
		x.setState("skip", "true") // post would say the same
		x.setRestoreOutputs()
		return x.end(err)
	}
	if !x.hasStore() {
		x.setState("skip", "true")
		x.setRestoreOutputs()
		return x.end(nil)
	}
	if err := writeCarried(dir, x.carry()); err != nil {
		x.notes.add(err.Error(), notSavedWithoutNotes)
	}
	err = x.run(ctx, "restore", dir)
	x.setRestoreOutputs()
	if err := writeRestored(dir, x.restored); err != nil {
		x.notes.add(err.Error(), "")
	}
	x.addPath()
	err = x.end(err)
	writeWarned(dir, x.notes.said)
	return err
}

// post saves, unless the job or main says otherwise. A step that never came to its main has none.
func (x *action) post(ctx context.Context) error {
	if x.env.get("STATE_skip") != "" {
		return nil
	}
	dir := x.env.get("STATE_dir")
	if dir != "" {
		defer os.Remove(filepath.Join(dir, sessionFile))
	}
	now, err := x.useCarried(dir)
	if err != nil {
		x.notes.add("nothing is saved: "+err.Error(), keepNotes)
		return x.end(nil)
	}
	if err := x.begin("save"); err != nil || !x.hasStore() {
		return x.end(err)
	}
	x.restored = readRestored(dir)
	x.notes.said = readWarned(dir)
	err = x.saveIfWanted(ctx, dir)
	if x.saved != nil && errors.Is(x.saved.cause, s3.ErrExpired) && x.newCredentials(now) {
		x.out.say("the credentials of the restore have expired; those that the job has now are used")
		err = x.saveIfWanted(ctx, dir)
	}
	x.summarize("save")
	return x.end(err)
}

// restore is main without a post.
func (x *action) restore(ctx context.Context) error {
	if err := x.begin("restore"); err != nil || !x.hasStore() {
		x.setRestoreOutputs()
		return x.end(err)
	}
	err := x.run(ctx, "restore", "")
	x.setRestoreOutputs()
	x.summarize("restore")
	x.addPath()
	return x.end(err)
}

// save is post as a step of its own.
func (x *action) save(ctx context.Context) error {
	if err := x.begin("save"); err != nil || !x.hasStore() {
		return x.end(err)
	}
	err := x.saveIfWanted(ctx, "")
	x.setSaveOutputs()
	x.summarize("save")
	return x.end(err)
}

// begin checks the inputs, those for the save after the job too, since a mistake should show at
// once.
func (x *action) begin(commands ...string) error {
	x.mask()
	if err := x.in.check(); err != nil {
		return err
	}
	for _, name := range commands {
		scratch := &app{out: new(console)}
		if err := applyTwins(findCommand(scratch.root(), name), x.lookup, x.in.origin); err != nil {
			return err
		}
	}
	return x.useKeys()
}

// hasStore warns when no input names a store. That is no mistake of its own: a pull request from a
// fork gets no secrets and no variables, which is where the name often is.
func (x *action) hasStore() bool {
	if store, _ := x.lookup(twin("store")); store != "" {
		return true
	}
	x.notes.add("no store is given, the job runs without a cache", "set the input store or bucket; secrets are empty in a pull request from a fork")
	return false
}

// saveIfWanted: a cancelled job was stopped anywhere, and waits for us to end.
func (x *action) saveIfWanted(ctx context.Context, dir string) error {
	switch status := x.in.get("job-status"); {
	case status == jobCancelled:
		x.out.say("the job was cancelled: nothing is saved")
		return nil
	case status == jobFailure && x.in.isFalse("save-on-failure"):
		x.out.say("the job failed: nothing is saved, as save-on-failure is false")
		return nil
	}
	return x.run(ctx, "save", dir)
}

// run runs a command in a group of the log.
func (x *action) run(ctx context.Context, command, dir string) error {
	inner := &app{process: x.process, out: x.out, lookup: x.lookup, origin: x.in.origin, tokens: x.idToken}
	if dir != "" {
		inner.flags.stateDefault = filepath.Join(dir, "state.json")
		inner.flags.role.keepDefault = filepath.Join(dir, sessionFile)
	}
	inner.onSummary = func(r *restoreOutput, s *saveOutput) error {
		x.restored, x.saved = cmp.Or(r, x.restored), cmp.Or(s, x.saved)
		return nil
	}
	x.gh.Group("gocache " + command)
	code := inner.execute(ctx, []string{command})
	x.gh.EndGroup()
	x.headline(command)
	if code != exitOK {
		return failure{code, nil} // x.failed has the reason
	}
	return nil
}

// summarize adds the section of this step to the summary, with the flags of a command; post knows
// both halves.
func (x *action) summarize(command string) {
	a := &app{out: x.out, lookup: x.lookup}
	if err := applyTwins(findCommand(a.root(), command), x.lookup, x.in.origin); err != nil {
		return // begin has said it
	}
	if err := a.writeSummary(x.restored, x.saved); err != nil {
		x.notes.add(err.Error(), "")
	}
}

// lookup is what the commands see as their environment. A runner that does not tell how the job
// went leaves that open, and then nothing may be dropped.
func (x *action) lookup(name string) (string, bool) {
	v, ok := x.in.lookup(name)
	switch {
	case name == twin("job-status") && v == "":
		return jobFailure, true
	case name == twin("debug") && v == "" && x.env.get("RUNNER_DEBUG") == "1":
		// "Enable debug logging" of a rerun
		return "true", true
	}
	return v, ok
}

// headline says in one line, which shows while the group is closed, what came of it.
func (x *action) headline(command string) {
	if r := x.restored; command == "restore" && r != nil && r.Result != nil {
		x.out.say("%s", foundTitle(r.Key, r.Matched))
	}
	if s := x.saved; command == "save" && s != nil && s.Result != nil {
		x.out.say("%s", s.title())
	}
}

// end makes the annotations, and passes the exit code on.
func (x *action) end(err error) error {
	x.warnRefused()
	x.notes.issue(x.gh)
	if err == nil {
		return nil
	}
	f := failure{code: exitFailed}
	errors.As(err, &f)
	if f.code == exitInterrupted {
		return failure{f.code, nil} // who cancels a job knows
	}
	t := x.failed
	if t == nil {
		t = &trouble{first: err.Error(), hint: hintFor(err)}
	}
	gh := x.gh.WithFieldsMap(map[string]string{"title": "gocache"})
	gh.Errorf("%s", strings.TrimSpace(t.first+"\n"+t.hint))
	return failure{f.code, nil}
}

// warnRefused: what is merely missing is usual in a new branch, but bytes that do not match their
// hash are somebody's business.
func (x *action) warnRefused() {
	// main has said it
	if x.restored == nil || x.restored.Result == nil || x.env.get("STATE_dir") != "" {
		return
	}
	for _, l := range x.restored.Losses {
		if l.Kind == "refused" {
			x.notes.add(fmt.Sprintf("refused what the store has: %s: %s", l.What, l.Reason), "it is not used, and the next save replaces it")
		}
	}
}

// mask keeps secrets out of the log, whatever prints them.
func (x *action) mask() {
	secrets := []string{x.env.get(twin("sign-key")), x.env.get(customerKeyVariable)}
	for _, in := range x.in.list {
		if in.kind == secretInput {
			secrets = append(secrets, x.in.get(in.name))
		}
	}
	for _, value := range secrets {
		if value != "" {
			x.gh.AddMask(value)
		}
	}
}

// useKeys passes the keys on to the SDK, which reads the environment. A session token of an earlier
// step belongs to other keys.
func (x *action) useKeys() error {
	id, secret, token := x.in.get("access-key-id"), x.in.get("secret-access-key"), x.in.get("session-token")
	if (id == "") != (secret == "") {
		return usage("the inputs access-key-id and secret-access-key go together, and one of them is empty")
	}
	if id == "" {
		return nil
	}
	return errors.Join(os.Setenv("AWS_ACCESS_KEY_ID", id), os.Setenv("AWS_SECRET_ACCESS_KEY", secret), os.Setenv("AWS_SESSION_TOKEN", token))
}

// idToken gets an OIDC token from the runner, for which the job needs the permission id-token:
// write.
func (x *action) idToken(ctx context.Context, audience string) (string, error) {
	token, err := x.gh.GetIDToken(ctx, audience)
	if err != nil {
		return "", fmt.Errorf("id token (does the job have the permission id-token: write?): %w", err)
	}
	x.gh.AddMask(token)
	return token, nil
}

// addPath lets later steps say `gocache plan`. Only the directory of the tool cache holds nothing
// else, which could come before what the job has in PATH.
func (x *action) addPath() {
	self, err := os.Executable()
	tools := x.env.get("RUNNER_TOOL_CACHE")
	if err != nil || tools == "" || x.env.get("GITHUB_PATH") == "" {
		return
	}
	if _, ok := samedir.Inside(self, filepath.Join(tools, "gocache")); ok {
		x.gh.AddPath(filepath.Dir(self))
	}
}

// setRestoreOutputs sets them all, also after an error: an expression reads what is not set as
// empty.
func (x *action) setRestoreOutputs() {
	x.setOutput("cache-result", cacheResult(x.restored))
	r := x.restored
	if r == nil || r.Result == nil {
		x.setOutput("cache-hit", "")
		return
	}
	hit, key, scope := "", "", ""
	if m := r.Matched; m != nil {
		hit, key, scope = strconv.FormatBool(m.Exact), strings.Join(m.Key, "/"), m.Scope
		if m.Exact {
			key = r.Key // as with actions/cache, where the two are equal then
		}
	}
	x.setOutput("cache-hit", hit)
	x.setOutput("cache-primary-key", r.Key)
	x.setOutput("cache-matched-key", key)
	x.setOutput("matched-key", key)
	x.setOutput("matched-scope", scope)
	x.setOutput("scope", r.Scope)
	x.setOutput("restored-entries", strconv.Itoa(r.Build.Restored))
	x.setOutput("restored-modules", strconv.Itoa(r.Modules.Restored))
	x.setOutput("restored-bytes", strconv.FormatInt(r.BytesWritten, 10))
	x.setOutput("fetched-bytes", strconv.FormatInt(r.BytesFetched, 10))
}

func (x *action) setSaveOutputs() {
	s := x.saved
	if s == nil || s.Result == nil {
		x.setOutput("saved", "false")
		return
	}
	x.setOutput("cache-primary-key", s.Key)
	x.setOutput("scope", s.Scope)
	x.setOutput("saved", strconv.FormatBool(s.Written))
	x.setOutput("saved-entries", strconv.Itoa(s.Build.Uploaded))
	x.setOutput("saved-modules", strconv.Itoa(s.Modules.Uploaded))
	x.setOutput("saved-bytes", strconv.FormatInt(s.BytesUploaded, 10))
	x.setOutput("stored-bytes", strconv.FormatInt(s.StoredBytes, 10))
}
