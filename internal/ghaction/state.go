package ghaction

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Hints for a step whose main and post do not come together.
const (
	notSavedWithoutNotes = "the job will save nothing: post would not know the inputs; the directory of RUNNER_TEMP has to be writable"
	keepNotes            = "the inputs of post can be others than main's; nothing may change the directory gocache-action in RUNNER_TEMP before the job ends"
)

// makeStateDir makes the directory of a step, and tells post where it is.
func (s *Step) makeStateDir() (string, error) {
	base := filepath.Join(s.tempDir(), "gocache-action")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", fmt.Errorf("notes for the save: %w", err)
	}
	dir, err := os.MkdirTemp(base, "step-")
	if err != nil {
		return "", fmt.Errorf("notes for the save: %w", err)
	}
	s.runner.setState("dir", dir)
	return dir, nil
}

func (s *Step) tempDir() string {
	if dir := s.env("RUNNER_TEMP"); dir != "" {
		return dir
	}
	return s.around.TempDir()
}

// Files that main leaves for post: the result of the restore, for the summary of the job, and the
// kinds of trouble that it has warned of.
const (
	restoredFile = "restored.json"
	warnedFile   = "warned.json"
)

func writeRestored(dir string, r *Restored) error {
	if dir == "" || r == nil {
		return nil
	}
	data, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, restoredFile), data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("notes for the summary: %w", err)
	}
	return nil
}

// readRestored returns nil if main has left nothing that can be read; post works without it.
func readRestored(dir string) *Restored {
	if dir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, restoredFile))
	r := new(Restored)
	if err != nil || json.Unmarshal(data, r) != nil {
		return nil
	}
	return r
}

// writeWarned and readWarned keep post from repeating the warnings of main. Errors do not matter:
// then post repeats them.
func writeWarned(dir string, kinds []string) {
	if data, err := json.Marshal(kinds); err == nil && dir != "" {
		os.WriteFile(filepath.Join(dir, warnedFile), data, 0o644)
	}
}

func readWarned(dir string) (kinds []string) {
	if data, err := os.ReadFile(filepath.Join(dir, warnedFile)); err == nil && dir != "" {
		json.Unmarshal(data, &kinds)
	}
	return kinds
}
