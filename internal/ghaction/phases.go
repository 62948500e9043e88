package ghaction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/config"
)

// Phases names what a step can run, for the command line.
var Phases = []struct {
	Name, Short string
	Run         func(*Step, context.Context, Commands) error
}{
	{"main", "Restore, before the steps of the job", (*Step).Main},
	{"post", "Save, after the steps of the job", (*Step).Post},
	{"restore", "Restore, where saving is another step", (*Step).Restore},
	{"save", "Save, where restoring is another step", (*Step).Save},
	{"gc", "Remove from a store what nobody needs", (*Step).GC},
}

// Main restores. Its notes for post lie in a directory of their own, so that a job can use the
// action more than once.
func (s *Step) Main(ctx context.Context, commands Commands) error {
	s.commands = commands
	dir, err := s.makeStateDir()
	if err != nil {
		s.runner.notes.add(err.Error(), notSavedWithoutNotes)
		s.runner.setState(lostState, "true")
	}
	cfg, err := s.begin(config.Restore, config.Save)
	if err == nil {
		err = s.moveCaches() // before carry, so that post has them there, too
	}
	if err != nil || !s.hasStore(cfg) {
		s.runner.setState("skip", "true") // post would say the same
		s.runner.setRestoreOutputs(s.restored)
		return s.end(ctx, err)
	}
	if err := writeCarried(dir, s.carry()); err != nil {
		s.runner.notes.add(err.Error(), notSavedWithoutNotes)
	}
	err = s.runRestore(ctx, cfg, dir)
	s.runner.setRestoreOutputs(s.restored)
	if err := writeRestored(dir, s.restored); err != nil {
		s.runner.notes.add(err.Error(), "")
	}
	s.addPath()
	err = s.end(ctx, err)
	writeWarned(dir, s.runner.notes.said)
	return err
}

// Post saves, unless the job or main says otherwise. If main was never reached, there are no notes.
func (s *Step) Post(ctx context.Context, commands Commands) error {
	s.commands = commands
	if s.env("STATE_skip") != "" {
		return nil
	}
	dir := s.env("STATE_dir")
	if dir != "" {
		defer os.Remove(filepath.Join(dir, SessionFile))
	}
	now, err := s.useCarried(dir)
	if err != nil {
		s.runner.notes.add("nothing is saved: "+err.Error(), keepNotes)
		return s.end(ctx, nil)
	}
	cfg, err := s.begin(config.Save)
	if err != nil || !s.hasStore(cfg) {
		return s.end(ctx, err)
	}
	s.restored = readRestored(dir)
	s.runner.notes.said = readWarned(dir)
	err = s.saveIfWanted(ctx, cfg, dir)
	if s.saved != nil && s.saved.Expired && s.newCredentials(now) {
		s.say("the credentials of the restore have expired; those that the job has now are used")
		err = s.saveIfWanted(ctx, cfg, dir)
	}
	s.commands.Summarize(cfg, s.restored, s.saved)
	return s.end(ctx, err)
}

// Restore is main without a post.
func (s *Step) Restore(ctx context.Context, commands Commands) error {
	s.commands = commands
	cfg, err := s.begin(config.Restore)
	if err == nil {
		err = s.moveCaches()
	}
	if err != nil || !s.hasStore(cfg) {
		s.runner.setRestoreOutputs(s.restored)
		return s.end(ctx, err)
	}
	err = s.runRestore(ctx, cfg, "")
	s.runner.setRestoreOutputs(s.restored)
	s.commands.Summarize(cfg, s.restored, nil)
	s.addPath()
	return s.end(ctx, err)
}

// Save is post as a step of its own.
func (s *Step) Save(ctx context.Context, commands Commands) error {
	s.commands = commands
	cfg, err := s.begin(config.Save)
	if err != nil || !s.hasStore(cfg) {
		return s.end(ctx, err)
	}
	err = s.saveIfWanted(ctx, cfg, "")
	s.runner.setSaveOutputs(s.saved)
	s.commands.Summarize(cfg, nil, s.saved)
	return s.end(ctx, err)
}

// GC removes what nobody needs. Unlike a restore or a save it fails the step if it fails: no job
// depends on it, and whoever has it in a workflow wants to know.
func (s *Step) GC(ctx context.Context, commands Commands) error {
	s.commands = commands
	cfg, err := s.begin(config.GC)
	if err != nil || !s.hasStore(cfg) {
		return s.end(ctx, err)
	}
	s.runner.gh.Group("gocache gc")
	err = s.commands.Collect(ctx, cfg, Job{Token: s.runner.token})
	s.runner.gh.EndGroup()
	return s.end(ctx, err)
}

// begin checks the inputs, also those of the save after the job, so that mistakes show at once. It
// returns the configuration of the first command.
func (s *Step) begin(commands ...config.Command) (*config.Config, error) {
	s.runner.mask(s.secrets())
	if err := s.in.Check(); err != nil {
		return nil, err
	}
	var first *config.Config
	for _, cmd := range commands {
		c, err := s.configuration(cmd)
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = c
		}
	}
	return first, s.useKeys()
}

// hasStore reports whether there is a store: the one that is named, or else the one that each
// repository has. If there is none it warns, which is not necessarily a mistake: a pull request
// from a fork gets no secrets and variables, and these often name the store. Where inputs describe
// a bucket that is not named, another store would not be what is wanted.
func (s *Step) hasStore(cfg *config.Config) bool {
	if cfg.Store != "" {
		return true
	}
	text := ""
	if in := s.in.OfBucket(cfg, s.env); in != "" {
		text = fmt.Sprintf("no store is given, and %s is for a bucket: the job runs without a cache", in)
	} else if err := s.commands.NoDefault(); err != nil {
		text = fmt.Sprintf("no store is given, the job runs without a cache: %v", err)
	} else {
		return true
	}
	s.runner.notes.add(text, "set the input store or bucket; secrets are empty in a pull request from a fork")
	return false
}

// runRestore restores in a group of the log.
func (s *Step) runRestore(ctx context.Context, cfg *config.Config, dir string) (err error) {
	s.runner.gh.Group("gocache restore")
	s.restored, err = s.commands.Restore(ctx, cfg, Job{dir, s.runner.token})
	s.runner.gh.EndGroup()
	if s.restored != nil && s.restored.Known {
		s.say("%s", s.restored.Title) // which shows while the group is closed
	}
	return err
}

// saveIfWanted saves in a group of the log. After a cancelled job it saves nothing: the job was
// stopped at any point, and the runner waits for this step.
func (s *Step) saveIfWanted(ctx context.Context, cfg *config.Config, dir string) (err error) {
	switch status := s.in.Get("job-status"); {
	case status == config.JobCancelled:
		s.say("the job was cancelled: nothing is saved")
		return nil
	case status == config.JobFailure && s.in.IsFalse("save-on-failure"):
		s.say("the job failed: nothing is saved, as save-on-failure is false")
		return nil
	}
	s.runner.gh.Group("gocache save")
	s.saved, err = s.commands.Save(ctx, cfg, Job{dir, s.runner.token})
	s.runner.gh.EndGroup()
	if s.saved != nil && s.saved.Known {
		s.say("%s", s.saved.Title)
	}
	return err
}

// useKeys sets the keys for the SDK, which reads the environment. A session token of an earlier
// step belongs to other keys, so it is replaced too.
func (s *Step) useKeys() error {
	if s.in.Get("access-key-id") == "" {
		return nil
	}
	var errs []error
	for _, v := range keyVariables {
		errs = append(errs, s.around.Setenv(v.variable, s.in.Get(v.input)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("access key: %w", err)
	}
	return nil
}

// keyVariables are the variables of the SDK for the inputs with keys.
var keyVariables = []struct{ variable, input string }{
	{"AWS_ACCESS_KEY_ID", "access-key-id"}, {"AWS_SECRET_ACCESS_KEY", "secret-access-key"}, {"AWS_SESSION_TOKEN", "session-token"},
}

// addPath lets later steps run this program by its name.
func (s *Step) addPath() {
	if self, err := s.around.Executable(); err == nil {
		s.runner.addPath(self)
	}
}
