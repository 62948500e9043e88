package procs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestUnseen: in a container, Named does not see the processes of the machine, and Unseen says so.
func TestUnseen(t *testing.T) {
	if os.Getenv("PROCS_TEST_UNSEEN") != "" {
		list, err := Named(os.Getenv("PROCS_TEST_UNSEEN"))
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
	list, err := Named("cat")
	if err != nil || len(list) == 0 {
		t.Fatalf("not seen at all: %v, %v", list, err)
	}
	inside := exec.Command("unshare", "-p", "-f", "--mount-proc", os.Args[0], "-test.run", "^TestUnseen$")
	inside.Env = append(os.Environ(), "PROCS_TEST_UNSEEN=cat")
	if out, err := inside.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
