package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// program is how a server is started.
type program struct {
	tool
	path string // runs instead of the tool; "": none
	// path that is answered with a status below 500 as soon as the server works
	health string
	args   func(addr string) []string // addr is where it is to listen
	env    []string
	// whether the program gets a standard input that ends with this process, however that ends
	leashed bool
}

// process is a server that has been started, and answers.
type process struct {
	addr  string // 127.0.0.1:PORT
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	out   bytes.Buffer  // complete then
}

func (p *process) endpoint() string { return "http://" + p.addr }

// run starts a server. It ends with the test.
func (s *Server) run(t testing.TB, p program) {
	t.Helper()
	started, err := p.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.stop)
	s.Addr, s.Endpoint = started.addr, started.endpoint()
}

// start starts a server on a free port, and waits until it answers. The port is free when it is
// chosen, but may be taken by the time the server asks for it.
func (p program) start() (started *process, err error) {
	binary := p.path
	if binary == "" {
		if binary, err = p.binary(); err != nil {
			return nil, err
		}
	}
	for range 3 {
		if started, err = p.try(binary); err == nil {
			return started, nil
		}
	}
	return nil, err
}

func (p program) try(binary string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	started := &process{addr: addr, cmd: exec.Command(binary, p.args(addr)...), ended: make(chan struct{})}
	cmd := started.cmd
	cmd.Dir = filepath.Dir(binary) // not one of a test, which could not be removed on Windows
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &started.out, &started.out
	if p.leashed {
		if _, err := cmd.StdinPipe(); err != nil { // the other end is closed by the system
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { cmd.Wait(); close(started.ended) }()
	if err := started.healthy(p.health); err != nil {
		started.stop()
		return nil, fmt.Errorf("%s: %w\n%s", p.name, err, started.out.Bytes())
	}
	return started, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// stop asks the server to end, and kills it if it does not.
func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// healthy waits until the server answers.
func (p *process) healthy(path string) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if resp, err := client.Get(p.endpoint() + path); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode < http.StatusInternalServerError {
				return nil
			}
		}
		select {
		case <-p.ended:
			return errors.New("ended at once")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("not healthy within 20 s")
}
