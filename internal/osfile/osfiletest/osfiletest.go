// Package osfiletest helps tests of code that writes files: it runs a function of the test binary
// in a process of its own, counted by strace, as an ordinary user, or to be killed.
package osfiletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// envChild names the function that a child process runs, envArg is its argument.
const envChild, envArg = "OSFILETEST_CHILD", "OSFILETEST_ARG"

// Main is for TestMain: in a child process it runs the function that Command named, and exits;
// otherwise it runs the tests. A function that returns an error makes the child exit with 1.
func Main(m *testing.M, children map[string]func(arg string) error, after ...func()) {
	do, ok := children[os.Getenv(envChild)]
	if !ok {
		code := m.Run()
		for _, f := range after {
			f()
		}
		os.Exit(code)
	}
	if err := do(os.Getenv(envArg)); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// Command returns the command that runs a function of Main in a child process.
func Command(tb testing.TB, child, arg string) *exec.Cmd {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), envChild+"="+child, envArg+"="+arg)
	return cmd
}

// counted matches the system calls of an strace log that create, write or close a file.
var counted = regexp.MustCompile(`(?m)^(?:\d+ +)?(?:(openat|open|creat)\([^\n]*O_CREAT|(write|pwrite64|writev|pwritev|close)\()`)

// CountWrites runs a function of Main under strace and returns how many system calls it made that
// create a file, write or close. It skips the test where there is no strace.
func CountWrites(t *testing.T, child, arg string) int {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	log := filepath.Join(t.TempDir(), "strace")
	cmd := Command(t, child, arg)
	trace := "trace=openat,open,creat,write,pwrite64,writev,pwritev,close"
	cmd.Args = append([]string{strace, "-f", "-qq", "-e", "signal=none", "-e", trace, "-o", log}, cmd.Path)
	cmd.Path = strace
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return len(counted.FindAll(data, -1))
}
