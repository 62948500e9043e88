package ghaction

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/usage"
)

// driveInput moves the caches to another drive. On the Windows runners of GitHub the caches lie on
// C: by default, which takes minutes for what D: takes seconds for: the drive of the workspace and
// of RUNNER_TEMP (github.com/actions/setup-go/issues/495).
const driveInput = "fast-drive"

// A drive is where the caches go; dir is "" if they stay, and note says why.
type drive struct {
	dir       string
	backslash bool
	note      string
}

// chooseDrive reads the input. temp and local are RUNNER_TEMP and the directory below which the go
// command has its build cache by default. The directory is the same in every job with the same
// drives: the paths of both caches are part of what is cached.
func chooseDrive(input, system, temp, local string) (drive, error) {
	windows := strings.EqualFold(system, "Windows")
	switch {
	case input == "" || strings.EqualFold(input, "false"):
		return drive{}, nil
	case !strings.EqualFold(input, "true") && !strings.EqualFold(input, "auto"):
		return namedDrive(input, windows)
	case !windows:
		return drive{note: "fast-drive: runners of " + system + " have one disk for all, so the caches stay where they are"}, nil
	case volume(temp) == "" || volume(temp) == volume(local):
		return drive{note: "fast-drive: this runner has its files on the drive of the caches, so they stay where they are"}, nil
	}
	return drive{dir: volume(temp) + `\gocache-action`, backslash: true}, nil
}

// namedDrive is the drive or the directory that a workflow names.
func namedDrive(input string, windows bool) (drive, error) {
	v := volume(input)
	switch {
	case windows && v != "" && strings.Trim(input[len(v):], `\/`) == "":
		return drive{dir: v + `\gocache-action`, backslash: true}, nil
	case windows && v != "" && (input[2] == '\\' || input[2] == '/'):
		return drive{dir: strings.TrimRight(strings.ReplaceAll(input, "/", `\`), `\`), backslash: true}, nil
	case !windows && v != "" && len(input) <= 3:
		return drive{note: "fast-drive: " + input + " is a drive of Windows, so the caches stay where they are"}, nil
	case !windows && len(input) > 1 && input[0] == '/':
		return drive{dir: strings.TrimRight(input, "/")}, nil
	}
	return drive{}, usage.Errorf("invalid value %q in the input %s: want true, false, a drive such as D:, or a directory with its full path", input, driveInput)
}

// volume is the drive that a path of Windows begins with, in upper case, such as "D:"; "" without
// one.
func volume(path string) string {
	if len(path) < 2 || path[1] != ':' {
		return ""
	}
	if c := path[0] &^ 0x20; c < 'A' || c > 'Z' {
		return ""
	}
	return strings.ToUpper(path[:2])
}

// join is the path of something in the directory.
func (d drive) join(name string) string {
	if d.backslash {
		return d.dir + `\` + name
	}
	return d.dir + "/" + name
}

// driveDirs are the variables of the go command that say where it writes most, and what they
// become.
var driveDirs = []struct{ variable, name string }{{"GOMODCACHE", "mod"}, {"GOCACHE", "build"}, {"GOTMPDIR", "tmp"}}

// moveCaches makes this step, and through GITHUB_ENV those after it, use caches on another drive. A
// variable that the job has set itself stays. What fails is a warning, and nothing is moved then:
// the job runs with the caches where they are.
func (s *Step) moveCaches() error {
	d, err := chooseDrive(s.in.Get(driveInput), s.env("RUNNER_OS"), s.env("RUNNER_TEMP"), s.env("LOCALAPPDATA"))
	if err != nil {
		return err
	}
	if d.note != "" {
		s.say("%s", d.note)
	}
	if d.dir == "" {
		return nil
	}
	moved, err := d.makeDirs(s.around.Environ(), s.say)
	if err != nil {
		s.runner.notes.add(fmt.Sprintf("the caches stay where they are: %v", err), "name a drive in the input fast-drive that this runner may write to")
		return nil
	}
	for _, m := range moved {
		if err := s.around.Setenv(m[0], m[1]); err != nil {
			return fmt.Errorf("fast-drive: %w", err)
		}
		s.runner.setEnv(m[0], m[1])
	}
	return nil
}

// makeDirs makes the directories of the variables that are not set, and returns these with their
// values.
func (d drive) makeDirs(environ map[string]string, say func(format string, args ...any)) (moved [][2]string, err error) {
	var kept, texts []string
	set := map[string]string{}
	for name, value := range environ {
		set[strings.ToUpper(name)] = value
	}
	for _, v := range driveDirs {
		dir := d.join(v.name)
		switch set[v.variable] {
		case "":
			moved = append(moved, [2]string{v.variable, dir})
			texts = append(texts, v.variable+"="+dir)
			err = errors.Join(err, os.MkdirAll(dir, 0o777))
		case dir: // a step before has moved it
		default:
			kept = append(kept, v.variable)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(kept) > 0 {
		say("fast-drive: the job has set %s, which stays as it is", strings.Join(slices.Sorted(slices.Values(kept)), ", "))
	}
	if len(texts) > 0 {
		say("fast-drive: %s, also for the steps after this one", strings.Join(texts, " "))
	}
	return moved, nil
}
