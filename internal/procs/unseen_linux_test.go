package procs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnseen: in a container, Named does not see the processes of the machine, and Unseen says so.
func TestUnseen(t *testing.T) {
	if os.Getenv("PROCS_TEST_UNSEEN") != "" {
		list, err := Named(is(os.Getenv("PROCS_TEST_UNSEEN")))
		if err != nil || len(list) > 0 {
			t.Errorf("seen from the container: %v, %v", list, err)
		}
		if !strings.Contains(Unseen(), "container") {
			t.Errorf("in a container: %q", Unseen())
		}
		return
	}
	if out, err := exec.Command("unshare", "-p", "-f", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("may not make PID namespaces: %v: %s", err, out)
	}
	// a process that all of the machine see
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		cmd.Wait()
	}()
	list, err := Named(is("cat"))
	if err != nil || len(list) == 0 {
		t.Fatalf("not seen at all: %v, %v", list, err)
	}
	inside := exec.Command("unshare", "-p", "-f", "--mount-proc", os.Args[0], "-test.run", "^TestUnseen$")
	inside.Env = append(os.Environ(), "PROCS_TEST_UNSEEN=cat")
	if out, err := inside.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func is(name string) func(string) bool { return func(other string) bool { return other == name } }

// TestLinked: a program that runs under the name of a symbolic link is found by the name of its
// file.
func TestLinked(t *testing.T) {
	dir, linked := t.TempDir(), fmt.Sprintf("linked-%d", os.Getpid()) // other runs of this test have others
	data, err := os.ReadFile("/bin/cat")
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, linked), data, 0o755), os.Symlink(linked, filepath.Join(dir, "other")))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "other"))
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	if list, err := Named(is(linked)); err != nil || len(list) != 1 || list[0].PID != cmd.Process.Pid {
		t.Errorf("found: %v, %v", list, err)
	}
}
