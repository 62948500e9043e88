package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// bad is a network between client and server that a test makes worse.
type bad struct {
	*storetest.Network
	t testing.TB
}

// badNetwork returns options that lead to the gateway through a proxy.
func badNetwork(t testing.TB, g *storetest.Server) (bad, s3.Options) {
	t.Helper()
	n, err := storetest.NewNetwork(g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	o := options(g, newBucket(t, g))
	o.Endpoint = n.Endpoint
	return bad{n, t}, o
}

// add adds a toxic in the direction downstream (to the client) or upstream.
func (b bad) add(kind, direction, attributes string) {
	b.t.Helper()
	if err := b.Add(kind, direction, attributes); err != nil {
		b.t.Fatal(err)
	}
}

func (b bad) remove() {
	b.t.Helper()
	if err := b.Remove(); err != nil {
		b.t.Fatal(err)
	}
}

// gateway is a server whose keys are in the environment of all tests, see TestMain.
func gateway(t testing.TB) *storetest.Server {
	t.Helper()
	return storetest.Gateway(t)
}

func mustPut(t testing.TB, s store.Store, name string, data []byte) {
	t.Helper()
	if _, err := s.Put(context.Background(), name, bytes.NewReader(data), int64(len(data)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// TestDownloadResumes ends every connection after 7 MiB.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	net, o := badNetwork(t, gateway(t))
	want := storetest.Content(1, 30<<20)
	mustPut(t, openStore(t, o), "x", want)
	net.add("limit_data", "downstream", fmt.Sprintf(`"bytes":%d`, 7<<20))
	for _, c := range []struct{ off, length int64 }{{0, -1}, {1 << 20, 25 << 20}} {
		s := openStore(t, o)
		r, _, err := s.Open(context.Background(), "x", c.off, c.length)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		end, _ := store.End(c.off, c.length, int64(len(want)))
		if !bytes.Equal(got, want[c.off:end]) {
			t.Error("the resumed object differs")
		}
		if n := s.Requests()["GET"]; n < 4 || n > 8 {
			t.Errorf("%d requests", n)
		}
	}
}

// TestHopelessDownload ends every connection after 100 KiB, which is too little to continue.
func TestHopelessDownload(t *testing.T) {
	net, o := badNetwork(t, gateway(t))
	o.MaxAttempts = 3
	mustPut(t, openStore(t, o), "x", storetest.Content(1, 2<<20))
	net.add("limit_data", "downstream", `"bytes":100000`)
	s := openStore(t, o)
	if _, _, err := store.Get(context.Background(), s, "x", 1<<30); !errors.Is(err, store.ErrUnreachable) {
		t.Error(err)
	}
	if n := s.Requests()["GET"]; n != 3 {
		t.Errorf("%d requests", n)
	}
}

// TestReplacedWhileResuming: a download never joins two versions.
func TestReplacedWhileResuming(t *testing.T) {
	g := gateway(t)
	net, o := badNetwork(t, g)
	direct := o
	direct.Endpoint = g.Endpoint
	mustPut(t, openStore(t, direct), "x", storetest.Content(1, 20<<20))
	net.add("limit_data", "downstream", fmt.Sprintf(`"bytes":%d`, 7<<20))
	r, _, err := openStore(t, o).Open(context.Background(), "x", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	mustPut(t, openStore(t, direct), "x", storetest.Content(2, 20<<20))
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, store.ErrConflict) {
		t.Errorf("after %d bytes: %v", n, err)
	}
}

// stall is long enough for a machine that runs several tests at once.
const stall = 2 * time.Second

// within runs f, which must end with ErrUnreachable shortly after the stall time, counted sends
// times.
func within(t *testing.T, what string, sends int, f func() error) {
	t.Helper()
	stall := stall * time.Duration(sends)
	start := time.Now()
	err := f()
	took := time.Since(start)
	if !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("%s: %v", what, err)
	}
	if took < stall*9/10 || took > stall+5*time.Second {
		t.Errorf("%s: took %v with a stall time of %v", what, took, stall)
	}
}

// TestStall: a read ends after the stall time, and an upload to a server that gives no sign of life
// after twice that time.
func TestStall(t *testing.T) {
	t.Parallel()
	net, o := badNetwork(t, gateway(t))
	o.StallTimeout = stall
	s := openStore(t, o)
	data := storetest.Content(1, 12<<20)
	mustPut(t, s, "x", data)
	ctx := context.Background()
	// A toxic cannot be added to a connection whose other end does not read.
	net.add("stall", "downstream", `"bytes":1000000`)
	r, _, err := s.Open(ctx, "x", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	within(t, "in the middle of a body", 1, func() error { _, err := io.Copy(io.Discard, r); return err })
	net.remove()
	net.add("timeout", "downstream", `"timeout":0`)
	within(t, "before the answer", 1, func() error { _, _, err := s.Open(ctx, "x", 0, -1); return err })
	within(t, "stat", 1, func() error { _, err := s.Stat(ctx, "x"); return err })
	net.remove()
	net.add("timeout", "upstream", `"timeout":0`)
	within(t, "small upload", 2, func() error {
		_, err := s.Put(ctx, "y", bytes.NewReader(data[:1000]), 1000, store.Condition{IfAbsent: true})
		return err
	})
	within(t, "upload in parts", 2, func() error {
		_, err := s.Put(ctx, "y", bytes.NewReader(data), int64(len(data)), store.Condition{})
		return err
	})
	net.remove()
	if _, err := s.Stat(ctx, "x"); err != nil {
		t.Errorf("after the stall is over: %v", err)
	}
}

// TestSlowIsNotStalled has pauses shorter than the stall time in the network, and longer ones
// between requests and in the caller.
func TestSlowIsNotStalled(t *testing.T) {
	t.Parallel()
	net, o := badNetwork(t, gateway(t))
	o.StallTimeout = stall
	s := openStore(t, o)
	data := storetest.Content(1, 6<<20)
	net.add("latency", "downstream", `"latency":600`)
	mustPut(t, s, "x", data)
	net.remove()
	net.add("bandwidth", "downstream", `"rate":1000`) // KB/s: 6 s in total
	r, _, err := s.Open(context.Background(), "x", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 1<<20)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * stall)
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(head, rest...), data) {
		t.Errorf("slow download: %d bytes, %v", len(rest), err)
	}
	time.Sleep(2 * stall) // an idle connection is not stalled
	if _, err := s.Stat(context.Background(), "x"); err != nil {
		t.Error(err)
	}
	if got := s.Requests(); got["GET"] != 1 || got["HEAD"] != 1 {
		t.Errorf("requests: %v", got)
	}
}

func TestLatency(t *testing.T) {
	net, o := badNetwork(t, gateway(t))
	net.add("latency", "downstream", `"latency":50,"jitter":10`)
	s := openStore(t, o)
	want := storetest.Content(1, 12<<20)
	mustPut(t, s, "x", want)
	r, _, err := store.OpenParallel(context.Background(), s, "x", 0, -1, 1<<20, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestUploadAfterReset lets connections break while parts are sent, and then repairs the network.
func TestUploadAfterReset(t *testing.T) {
	net, o := badNetwork(t, gateway(t))
	o.MaxAttempts = 20 // the repair may come late
	s := openStore(t, o)
	want := storetest.Content(1, 17<<20)
	net.add("limit_data", "upstream", `"bytes":3000000`)
	time.AfterFunc(300*time.Millisecond, net.remove)
	mustPut(t, s, "x", want)
	if got, _, err := store.Get(context.Background(), s, "x", 1<<30); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
