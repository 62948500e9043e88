package e2etest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// QuietHome makes dir a home directory in which go commands leave no process behind. Once a day,
// the go command starts a detached process for telemetry in each home directory, which could write
// there while the test removes the directory. Setting GOTELEMETRY in the environment has no effect
// (go help telemetry), since the mode is stored in a file.
func QuietHome(t testing.TB, dir string) string {
	t.Helper()
	config := filepath.Join(dir, ".config") // as in os.UserConfigDir
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
