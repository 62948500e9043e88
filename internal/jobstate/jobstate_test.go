package jobstate

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func FuzzRead(f *testing.F) {
	good, _ := json.Marshal(State{Format: format, Repo: "r"})
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(path); err == nil && s.Format != format {
			t.Error("a state of another format was accepted")
		}
	})
}

// TestNotWritten: what cannot be replaced goes, lest a save believes the notes of another job.
func TestNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(path, 0o755); err != nil { // no file can be renamed to that
		t.Fatal(err)
	}
	if err := Write(path, State{}); !errors.Is(err, ErrNotWritten) {
		t.Error(err)
	}
	if s, err := Read(path); s != nil || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
}
