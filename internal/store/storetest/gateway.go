package storetest

import (
	"bytes"
	"context"
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

	"github.com/gofrs/flock"
)

// BinaryEnv names an environment variable with the path of a ready versitygw, which Gateway
// then runs instead of building one.
const BinaryEnv = "GOCACHE_TEST_VERSITYGW"

// What the machine says is looked up before a test can change HOME, or the directory that a relative path starts from.
var (
	given                   = absolute(os.Getenv(BinaryEnv))
	userCache, userCacheErr = os.UserCacheDir()
)

// absolute leaves "" as it is.
func absolute(path string) string {
	if full, err := filepath.Abs(path); path != "" && err == nil {
		return full
	}
	return path
}

// Server is a running S3 server.
type Server struct {
	Endpoint  string // http://127.0.0.1:PORT
	AccessKey string
	SecretKey string
	DataDir   string // each directory in it is a bucket, each object a file
	Addr      string // 127.0.0.1:PORT
}

// Gateway starts a versitygw for the test: a real S3 server, which checks signatures, checksums and
// conditions, with its data in a directory of the test. It ends with the test. The
// first use on a machine builds it, which takes minutes; see tools/go.mod.
func Gateway(t testing.TB) *Server {
	t.Helper()
	return GatewayWithUsers(t, "--iam-dir", t.TempDir())
}

// GatewayWithUsers is Gateway with other flags that say who its users are.
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
	binary, err := gatewayBinary()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{AccessKey: "test-access-key", SecretKey: "test-secret-key"}
	// The port is free when it is chosen, and can be taken when the server asks for it.
	for range 3 {
		if err = s.start(t, binary, flags, command); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func (s *Server) start(t testing.TB, binary string, flags, command []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Addr = l.Addr().String()
	s.Endpoint = "http://" + s.Addr
	l.Close()
	var out bytes.Buffer
	args := append([]string{"--quiet", "--keep-alive", "--health", "/healthz", "--port", s.Addr}, flags...)
	cmd := exec.Command(binary, append(args, command...)...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
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
	if err := s.healthy(ended); err != nil {
		stop()
		return fmt.Errorf("versitygw: %w\n%s", err, out.Bytes())
	}
	t.Cleanup(stop)
	return nil
}

// healthy waits until the server answers.
func (s *Server) healthy(ended <-chan struct{}) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if resp, err := client.Get(s.Endpoint + "/healthz"); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
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

// Env returns the variables, as NAME=value, that let a child process use the server, and
// keep it from any other credentials of the machine.
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

// gatewayBinary returns the path of a versitygw of the version in tools/go.mod, which
// it builds unless it did so before.
func gatewayBinary() (string, error) {
	if given != "" {
		return given, nil
	}
	if userCacheErr != nil {
		return "", userCacheErr
	}
	const module = "github.com/versity/versitygw"
	modfile, err := toolsModfile()
	if err != nil {
		return "", err
	}
	version, err := goCommand(modfile, "list", "-m", "-f", "{{.Version}}", module)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(userCache, "gocache-action-tools")
	path := filepath.Join(dir, "versitygw-"+version)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	// Test processes of several packages start at once; one of them builds.
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := goCommand(modfile, "build", "-o", path+".tmp", module+"/cmd/versitygw"); err != nil {
		return "", err
	}
	return path, os.Rename(path+".tmp", path)
}

// toolsModfile finds tools/go.mod above the directory in which the test process was started, which is that of its package: a test
// may have changed the directory, GOFLAGS or HOME since.
func toolsModfile() (string, error) {
	if startDirErr != nil {
		return "", startDirErr
	}
	for dir := startDir; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, "tools", "go.mod")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no tools/go.mod above %s", startDir)
		}
	}
}

// goCommand runs go with the caches and settings of the machine, not those of the test, which
// may point GOMODCACHE or GOPROXY anywhere.
func goCommand(modfile string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{args[0], "-modfile=" + modfile}, args[1:]...)...)
	cmd.Dir = filepath.Dir(filepath.Dir(modfile))
	cmd.Env = startEnv
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// The environment and the directory before any test has changed them.
var (
	startEnv              = os.Environ()
	startDir, startDirErr = os.Getwd()
)
