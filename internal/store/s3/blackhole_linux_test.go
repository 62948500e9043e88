package s3_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// TestBlackhole connects to a socket whose queue is full, so that the kernel drops every further
// SYN, as a firewall does.
func TestBlackhole(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	full := false
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 300*time.Millisecond)
		if full = err != nil; full {
			break
		}
		t.Cleanup(func() { c.Close() })
	}
	if !full {
		t.Skip("this kernel accepts more connections than it was told to")
	}
	o := options(g, "bucket")
	o.Endpoint = "http://" + addr
	s := openStore(t, o)
	soon(t, store.ErrUnreachable, "timeout", func() error { _, _, err := s.Open(context.Background(), "x", 0, -1); return err })
}
