package storetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNetwork: a toxic has an effect until it is removed.
func TestNetwork(t *testing.T) {
	needToxiproxy(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 100_000))
	}))
	t.Cleanup(server.Close)
	n, err := NewNetwork(&Server{Addr: server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	read := func() (int, error) {
		client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(n.Endpoint)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return len(data), err
	}
	if got, err := read(); got != 100_000 || err != nil {
		t.Errorf("as it is: %d bytes, %v", got, err)
	}
	if err := n.Add("stall", "downstream", `"bytes":1000`); err != nil {
		t.Fatal(err)
	}
	if got, err := read(); got == 0 || got > 1000 || err == nil {
		t.Errorf("stalled: %d bytes, %v", got, err)
	}
	if err := n.Remove(); err != nil {
		t.Fatal(err)
	}
	if got, err := read(); got != 100_000 || err != nil {
		t.Errorf("after removing the toxic: %d bytes, %v", got, err)
	}
	if err := n.Add("none", "downstream", ""); err == nil {
		t.Error("a toxic of an unknown kind is accepted")
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err == nil {
		t.Error("a stopped network lets something through")
	}
}

// childEnv makes a test process start a network, print the address of its toxiproxy, and wait.
const childEnv = "GOCACHE_TEST_NETWORK_CHILD"

// TestNetworkEndsWithProcess kills a process that has a network.
func TestNetworkEndsWithProcess(t *testing.T) {
	needToxiproxy(t)
	if os.Getenv(childEnv) != "" {
		p, err := startToxiproxy()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("\nlistens on", p.addr)
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^TestNetworkEndsWithProcess$")
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr := announced(out)
	child.Process.Kill()
	child.Wait()
	if addr == "" {
		t.Fatal("the child started no toxiproxy")
	}
	for deadline := time.Now().Add(20 * time.Second); answers(addr); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("toxiproxy still listens on %s after its process was killed", addr)
		}
	}
}

func announced(out io.Reader) string {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "listens on "); ok {
			return addr
		}
	}
	return ""
}

func answers(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func needToxiproxy(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no server whose network could be bad runs on windows")
	}
}
