package stdtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestFill: the cache has everything needed to build, vet and test the program, and nothing else
// that the machine has compiled.
func TestFill(t *testing.T) {
	osfiletest.NeedCompiler(t)
	dir := filepath.Join(t.TempDir(), "cache")
	if err := Fill(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "??", "*-a"))
	if err != nil || len(entries) == 0 || len(entries) > 1500 {
		t.Errorf("%d action entries, %v", len(entries), err)
	}
	outputs := map[string]bool{}
	for _, file := range entries {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		output, ok := outputOf(data)
		if _, err := os.Stat(filepath.Join(dir, output)); !ok || err != nil {
			t.Errorf("%s without its output: %s", file, data)
		}
		outputs[output] = true
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "??", "*-d")); len(files) != len(outputs) {
		t.Errorf("%d outputs, %d are of an action", len(files), len(outputs))
	}
	work := t.TempDir()
	for name, text := range program {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// In another directory, only the program itself and its test are compiled.
	compiled := regexp.MustCompile(`(?m)^\S*/(compile|vet|asm)(\.exe)? .*$`)
	ours := regexp.MustCompile(`stdtest\.invalid|b001|-p main|vet\.cfg`)
	for _, args := range [][]string{{"build", "-x", "./..."}, {"test", "-x", "-vet=off", "-run", "NONE", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = work, append(os.Environ(), "GOCACHE="+dir, "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		for _, line := range compiled.FindAllString(string(out), -1) {
			if !ours.MatchString(line) {
				t.Errorf("go %v: %s", args, line)
			}
		}
	}
}
