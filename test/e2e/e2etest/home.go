package e2etest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// QuietHome makes dir a home directory in which go commands leave no process behind. Once a day and
// home directory, a go command starts a detached one that looks after telemetry, and that writes
// below the home directory while a test removes it. GOTELEMETRY in the environment has no effect
// (go help telemetry): the mode is in a file.
func QuietHome(t testing.TB, dir string) string {
	t.Helper()
	config := filepath.Join(dir, ".config") // as os.UserConfigDir has it
	switch runtime.GOOS {
	case "darwin":
		config = filepath.Join(dir, "Library", "Application Support")
	case "windows":
		config = filepath.Join(dir, "AppData", "Roaming")
	}
	mode := filepath.Join(config, "go", "telemetry", "mode")
	Must(t, os.MkdirAll(filepath.Dir(mode), 0o755))
	Must(t, os.WriteFile(mode, []byte("off"), 0o644))
	return dir
}
