package trim

import (
	"errors"
	"fmt"
	"time"
)

// ErrBusy means that a go command is running of which trim cannot tell what it could be using.
// Nothing was removed.
var ErrBusy = errors.New("go commands are running")

// GoCommand is a go command that is running.
type GoCommand struct {
	Name    string    // for people
	Started time.Time // zero: the system does not tell
	User    int       // on Unix; 0: root, or the system does not tell
	// HidesReads means that nothing records what it reads in the module cache, though reads of this
	// process are recorded: a container may have it mounted in another way.
	HidesReads bool
	// Tool means that it is no go command, but a program that reads the sources of modules itself,
	// such as gopls. It counts only where nothing records what is read, and may run for long.
	Tool bool
}

// watch knows the go commands that are running.
type watch struct {
	list   func() ([]GoCommand, error) // nil: there are none to care about
	seen   []GoCommand                 // that were running at the begin
	oldest GoCommand                   // of the go commands among these; no Name: there were none
	tool   GoCommand                   // one of the others, in the same way
	hidden GoCommand                   // one that hides reads
	unsafe error                       // why nothing may be removed
	begun  error                       // the first go command that began later, if anybody asked
}

// watchOver finds the go command that has been running for the longest time. What it could be using
// was marked after its start, so it decides what is spared. One look is enough, before the scan:
// what starts later is younger.
func watchOver(o Options) watch {
	if !o.Spare || o.Running == nil {
		return watch{}
	}
	w := watch{list: o.Running}
	list, err := w.running()
	for _, g := range list {
		if g.HidesReads {
			w.hidden = g
		}
		if g.Tool {
			w.tool = g
			continue
		}
		w.seen = append(w.seen, g)
		if g.Started.IsZero() {
			err = fmt.Errorf("%w: %s, and the system does not tell since when", ErrBusy, g.Name)
		}
		if w.oldest.Name == "" || g.Started.Before(w.oldest.Started) {
			w.oldest = g
		}
	}
	w.unsafe = err
	return w
}

func (w *watch) running() ([]GoCommand, error) {
	if w.list == nil {
		return nil, nil
	}
	list, err := w.list()
	if err != nil {
		return nil, fmt.Errorf("looking for go commands: %w", err)
	}
	return list, nil
}

// slack is how much longer than the clocks say a go command may have been running: a clock may have
// been set, or the machine paused.
const slack = time.Hour

// longest is for how long a build may have been running that could be using the caches.
func (w *watch) longest(now time.Time) time.Duration {
	if w.oldest.Name == "" {
		return longestBuild
	}
	return max(longestBuild, now.Sub(w.oldest.Started)+slack)
}

// idle looks again, and returns an error once there are go commands.
func (w *watch) idle() error {
	if w.begun != nil {
		return w.begun
	}
	list, err := w.running()
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("a go command or another program that reads modules has begun, %s, and the file system does not record what it reads", list[0].Name)
	}
	w.begun = err
	return err
}

// present says why there are go commands, or why there may be some that are not seen; "" if there
// is no reason.
func (w *watch) present(unseen string) string {
	switch {
	case w.oldest.Name != "":
		return "go commands are running, such as " + w.oldest.Name
	case w.tool.Name != "":
		return "a program is running that reads modules, " + w.tool.Name
	}
	return unseen
}

// users says who could be using what is spared, and what can be done.
func (w *watch) users(unseen string) string {
	switch {
	case w.oldest.Name != "":
		return "by go commands that are running, such as " + w.oldest.Name + "; a later trim removes what is not used any more"
	case unseen != "":
		return "by a go command that is not seen: " + unseen
	}
	return "by a go command on another machine, or in a virtual one, that shares the caches; if there is none, --force removes it"
}
