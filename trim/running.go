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
}

// running lists the go commands, if trim has to care about any.
func (t *trimming) running() ([]GoCommand, error) {
	if !t.Spare || t.Running == nil {
		return nil, nil
	}
	list, err := t.Running()
	if err != nil {
		return nil, fmt.Errorf("looking for go commands: %w", err)
	}
	return list, nil
}

// look finds the go command that has been running for the longest time. What it could be using was
// marked after its start, so it decides what is spared. One look is enough, before the scan: what
// starts later is younger.
func (t *trimming) look() error {
	list, err := t.running()
	if err != nil {
		return err
	}
	for _, g := range list {
		if g.Started.IsZero() {
			return fmt.Errorf("%w: %s, and the system does not tell since when", ErrBusy, g.Name)
		}
		if t.oldest.Name == "" || g.Started.Before(t.oldest.Started) {
			t.oldest = g
		}
	}
	return nil
}

// longest is for how long a build may have been running that could be using the caches.
func (t *trimming) longest() time.Duration {
	if t.oldest.Name == "" {
		return longestBuild
	}
	return max(longestBuild, t.now.Sub(t.oldest.Started))
}

// hidden says why there may be go commands of whose use of modules no mark can be found, "" if
// there is no reason: the file system records no reads, and there are, or may be, go commands.
func (t *trimming) hidden() string {
	switch {
	case !t.Spare || !t.res.UnknownUse:
		return ""
	case t.oldest.Name != "":
		return "go commands are running, such as " + t.oldest.Name
	}
	return t.Unseen
}

// interrupted looks again for go commands, immediately before a version is removed where the file
// system records no reads, and returns an error once there are some.
func (t *trimming) interrupted() error {
	if !t.res.UnknownUse || t.stopped != nil {
		return t.stopped
	}
	list, err := t.running()
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("a go command has begun, %s, and the file system does not record what it reads", list[0].Name)
	}
	if t.stopped = err; err != nil {
		t.warn("module cache: the rest stays: %v", err)
	}
	return err
}
