package s3_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// TestHangingHandshake: a server that accepts connections and sends nothing is given up after one
// TLS handshake, not after five.
func TestHangingHandshake(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		var held []net.Conn // keep the connections, or the garbage collector would close them
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, conn)
		}
		for _, conn := range held {
			conn.Close()
		}
	}()
	s := openStore(t, s3.Options{
		Bucket: "bucket", Region: "us-east-1", Endpoint: "https://" + l.Addr().String(), PathStyle: true,
		Kept: &s3.Session{AccessKeyID: "key", SecretAccessKey: "secret", Expires: time.Now().Add(time.Hour)},
	})
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if n := s.Requests()["HEAD"]; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
