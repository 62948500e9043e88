//go:build unix

package subprocess

import (
	"bufio"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestEndsWithChildren: when its context ends, a program ends together with the processes that it
// started.
func TestEndsWithChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := Command(ctx, "sh", "-c", "sleep 60 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscan(line, &child); err != nil {
		t.Fatal(err)
	}
	cancel()
	if cmd.Wait() == nil {
		t.Error("it ended well")
	}
	for range 100 {
		// Where init does not reap, a process that nobody waits for remains a zombie.
		if syscall.Kill(child, 0) != nil || isZombie(child) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	syscall.Kill(child, syscall.SIGKILL)
	t.Error("a process that it started is still running")
}

// TestOutputOfOneThatLeavesSomething: a program that succeeded counts as such, even if a process
// that it started still holds its output open.
func TestOutputOfOneThatLeavesSomething(t *testing.T) {
	out, err := Output(Command(context.Background(), "sh", "-c", "sleep 2 & echo done"))
	if string(out) != "done\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
