package goentry

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
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
	if found := stored(cache, GOROOT(strings.TrimSpace(lines[1]), strings.TrimSpace(lines[0]))); found < 2 {
		t.Errorf("recognised %d indexes of 2 packages", found)
	}
}

// stored counts the actions that a build cache has an entry of.
func stored(cache string, ids []digest.ID) (n int) {
	for _, id := range ids {
		name := id.String()
		if _, err := os.Stat(filepath.Join(cache, name[:2], name+"-a")); err == nil {
			n++
		}
	}
	return n
}

// TestMainModule: the indexes of a real project are recognized, and neither those of a module that
// lies in it nor what the files are no more.
func TestMainModule(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	old := time.Now().Add(-time.Hour)
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.21\n", "m.go": "package m\n", "a/b/b.go": "package b\n", "testdata/t.go": "package t\n",
		"inner/go.mod": "module example.com/inner\n\ngo 1.21\n", "inner/i.go": "package inner\n", "inner/x/x.go": "package x\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666), os.Chtimes(file, old, old))
		if err != nil {
			t.Fatal(err)
		}
	}
	run := func(in string, args ...string) string {
		cmd := exec.Command("go", args...)
		cmd.Dir = filepath.Join(dir, in)
		cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run(".", "list", "./...")
	run("inner", "list", "./...")
	version := run(".", "env", "GOVERSION")
	found := func(in string) int { return stored(cache, MainModule(version, filepath.Join(dir, in))) }
	if outer, inner := found("."), found("inner"); outer != 2 || inner != 2 || len(MainModule(version, dir)) != 2 {
		t.Errorf("recognized %d and %d indexes of 2 packages each", outer, inner)
	}
	if err := os.Chtimes(filepath.Join(dir, "m.go"), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := found("."); n != 1 {
		t.Errorf("recognized %d indexes, of which one is of other files", n)
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
