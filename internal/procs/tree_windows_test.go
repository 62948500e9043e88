package procs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestEndTree ends a process with a child and a grandchild, while another child of this process
// continues.
func TestEndTree(t *testing.T) {
	if depth := os.Getenv("PROCS_TEST_DEPTH"); depth != "" {
		var n int
		fmt.Sscan(depth, &n)
		if n > 0 {
			cmd := waiting(n - 1)
			cmd.Stdout = os.Stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("pid", os.Getpid())
		time.Sleep(time.Minute)
		return
	}
	other := waiting(0)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { other.Process.Kill(); other.Wait() }()

	cmd := waiting(2)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < 3 && lines.Scan() {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "pid %d", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) != 3 {
		t.Fatalf("only %v began", pids)
	}
	begin := time.Now()
	if err := EndTree(cmd.Process); err != nil {
		t.Error(err)
	}
	io.Copy(io.Discard, out) // until the last of them has ended
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("that took %v", d)
	}
	alive := map[int]bool{}
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		alive[p.PID] = true
	}
	for _, pid := range pids {
		if alive[pid] {
			t.Errorf("process %d is still running", pid)
		}
	}
	if !alive[other.Process.Pid] {
		t.Error("another process has ended")
	}
}

func waiting(depth int) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestEndTree$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprint("PROCS_TEST_DEPTH=", depth))
	return cmd
}
