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

// TestEndsWithChildren: when its context ends, a program ends with what it has started.
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
		// A process that nobody waits for stays a zombie where init does not reap.
		if syscall.Kill(child, 0) != nil || isZombie(child) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	syscall.Kill(child, syscall.SIGKILL)
	t.Error("what it has started is still running")
}

// TestOutputOfOneThatLeavesSomething: a program that ended well has ended well, though something
// that it left holds its output open.
func TestOutputOfOneThatLeavesSomething(t *testing.T) {
	out, err := Output(Command(context.Background(), "sh", "-c", "sleep 2 & echo done"))
	if string(out) != "done\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
