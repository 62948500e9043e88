package procs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNamed starts a copy of the test binary under another name, which waits until its input ends.
func TestNamed(t *testing.T) {
	if os.Getenv("PROCS_TEST_WAIT") != "" {
		io.Copy(io.Discard, os.Stdin)
		return
	}
	probe := fmt.Sprintf("probe-%d", os.Getpid()) // other runs of this test have others
	file := probe
	isProbe := func(name string) bool { return name == probe }
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	program := filepath.Join(t.TempDir(), file)
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if list, err := Named(isProbe); err != nil || len(list) != 0 {
		t.Fatalf("before it is started: %v, %v", list, err)
	}
	cmd := exec.Command(program, "-test.run", "^TestNamed$")
	cmd.Env = append(os.Environ(), "PROCS_TEST_WAIT=1")
	if cmd.Dir, err = os.Getwd(); err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	at, err := Process{PID: cmd.Process.Pid}.Started()
	// systems count in parts of a second, and the clock may be adjusted
	if err != nil || at.Before(before.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("started at %v, %v; in fact after %v", at, err, before)
	}
	if list, err := Named(isProbe); err != nil || len(list) != 1 || list[0].PID != cmd.Process.Pid {
		t.Errorf("while it runs: %v, %v", list, err)
	}
	text := Process{PID: cmd.Process.Pid}.String()
	if begin := fmt.Sprintf("process %d", cmd.Process.Pid); !strings.HasPrefix(text, begin) || runtime.GOOS == "linux" && text[len(begin):] != " ("+probe+" -test.run in "+cmd.Dir+")" {
		t.Errorf("it is called %s", text)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if list, err := Named(isProbe); err != nil || len(list) != 0 {
		t.Errorf("after its end: %v, %v", list, err)
	}
	if at, err := (Process{PID: cmd.Process.Pid}).Started(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end it started at %v, %v", at, err)
	}
}

func TestIsGo(t *testing.T) {
	for name, want := range map[string]bool{
		"go": true, "go.exe": true, "go1.26.0": true, "go-1.26": true, "go.1.27rc1.exe": true, "go1.27-rc1": true,
		"gofmt": false, "gopls": false, "golangci-lint": false, "go.test": false, "gocache": false, "mygo": false, "": false, "go1.26 x": false,
	} {
		if IsGo(name) != want {
			t.Errorf("%q is a go command: %v, want %v", name, !want, want)
		}
	}
	if !LoadsPackages("gopls") || !LoadsPackages("staticcheck.exe") || LoadsPackages("go") {
		t.Error("programs that load packages")
	}
}
