package goentry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGOROOT compares recomputed action IDs with those of a real go command.
func TestGOROOT(t *testing.T) {
	env, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(env)), "\n")
	cache := t.TempDir()
	cmd := exec.Command("go", "list", "errors", "unicode/utf8")
	cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	found := 0
	for _, id := range GOROOT(strings.TrimSpace(lines[1]), strings.TrimSpace(lines[0])) {
		name := id.String()
		if _, err := os.Stat(filepath.Join(cache, name[:2], name+"-a")); err == nil {
			found++
		}
	}
	if found < 2 {
		t.Errorf("recognised %d indexes of 2 packages", found)
	}
}

func TestToolchainVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v0.0.1-go1.26.8.linux-amd64": "go1.26.8", "v0.0.1-go1.27rc1.windows-arm64": "go1.27rc1",
		"v0.0.1-": "", "v0.0.1-go": "", "v1.2.3": "", "": "",
	} {
		if got := ToolchainVersion(version); got != want {
			t.Errorf("ToolchainVersion(%q) = %q, want %q", version, got, want)
		}
	}
}
