package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Server is a running S3 server.
type Server struct {
	Endpoint  string // http://127.0.0.1:PORT
	AccessKey string
	SecretKey string
	DataDir   string // each directory in it is a bucket, each object a file
	Addr      string // 127.0.0.1:PORT
}

// Gateway starts versitygw for the test: a real S3 server that checks signatures, checksums and
// conditions and keeps its data in a directory of the test. It ends with the test. Its first use on
// a machine builds it, which takes minutes; see tools/go.mod.
func Gateway(t testing.TB) *Server {
	t.Helper()
	return GatewayWithUsers(t, "--iam-dir", t.TempDir())
}

// GatewayWithUsers is Gateway with flags that say which users it has.
func GatewayWithUsers(t testing.TB, flags ...string) *Server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o777); err != nil {
		t.Fatal(err)
	}
	s := StartVersitygw(t, flags, "posix", data)
	s.DataDir = data
	return s
}

// StartVersitygw starts a command of versitygw, and waits until it answers. It ends with the test.
func StartVersitygw(t testing.TB, flags []string, command ...string) *Server {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("versitygw does not run on windows")
	}
	s := &Server{AccessKey: AccessKey, SecretKey: SecretKey}
	s.run(t, program{
		tool: versitygw, health: "/healthz",
		args: func(addr string) []string {
			return append(append([]string{"--quiet", "--keep-alive", "--health", "/healthz", "--port", addr}, flags...), command...)
		},
		env: []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey},
	})
	return s
}

// program is how a server is started.
type program struct {
	tool
	// path that is answered with a status below 500 as soon as the server works
	health string
	args   func(addr string) []string // addr is where it is to listen
	env    []string
}

// run starts a server. It ends with the test.
func (s *Server) run(t testing.TB, p program) {
	t.Helper()
	binary, err := p.binary()
	if err != nil {
		t.Fatal(err)
	}
	// The port is free when it is chosen, and can be taken when the server asks for it.
	for range 3 {
		if err = s.start(t, binary, p); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func (s *Server) start(t testing.TB, binary string, p program) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Addr = l.Addr().String()
	s.Endpoint = "http://" + s.Addr
	l.Close()
	var out bytes.Buffer
	cmd := exec.Command(binary, p.args(s.Addr)...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop := func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	}
	if err := s.healthy(p.health, ended); err != nil {
		stop()
		return fmt.Errorf("%s: %w\n%s", p.name, err, out.Bytes())
	}
	t.Cleanup(stop)
	return nil
}

// healthy waits until the server answers.
func (s *Server) healthy(path string, ended <-chan struct{}) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if resp, err := client.Get(s.Endpoint + path); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode < http.StatusInternalServerError {
				return nil
			}
		}
		select {
		case <-ended:
			return errors.New("ended at once")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("not healthy within 20 s")
}

// Bucket makes an empty bucket.
func (s *Server) Bucket(t testing.TB, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.DataDir, name), 0o777); err != nil {
		t.Fatal(err)
	}
}

// URL returns the store URL of a prefix in a bucket; the prefix may be empty.
func (s *Server) URL(bucket, prefix string) string {
	q := url.Values{"endpoint": {s.Endpoint}, "region": {"us-east-1"}, "path-style": {"true"}}
	u := url.URL{Scheme: "s3", Host: bucket, Path: "/" + prefix, RawQuery: q.Encode()}
	return u.String()
}

// AccessKey and SecretKey are those of all servers of this package.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key"
)

// Env returns the variables, as NAME=value, that let a child process use the server and no other
// credentials of the machine.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey, "AWS_SESSION_TOKEN=",
		"AWS_REGION=us-east-1", "AWS_PROFILE=", "AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// Setenv sets Env for the rest of the test, which therefore cannot be parallel.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
}
