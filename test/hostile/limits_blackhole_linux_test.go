package hostile

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// blackHole is a store at an address from which no answer comes, not even to a SYN, as behind a
// firewall that drops packets.
func blackHole() []hang {
	return []hang{{"a black hole", "restore save plan gc", func(t *testing.T, _ *storetest.Server) string { return "http://" + blackHoleAddr(t) }, false, 1}}
}

// blackHoleAddr returns the address of a socket whose queue is full, so that the kernel drops each
// further SYN.
func blackHoleAddr(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	e2etest.Must(t, err)
	t.Cleanup(func() { syscall.Close(fd) })
	e2etest.Must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	e2etest.Must(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	e2etest.Must(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("this kernel accepts more connections than it was told to")
	return ""
}
