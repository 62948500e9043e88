package storetest

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
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
