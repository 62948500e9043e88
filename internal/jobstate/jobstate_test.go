package jobstate

import (
	"encoding/json"
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
