package storetest

import (
	"crypto/rand"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// ServersEnv names an environment variable with the servers, separated by commas, for tests that
// can use any server; "all" means all that this package can build. If it is unset, these tests use
// versitygw, as all other tests do.
const ServersEnv = "GOCACHE_TEST_SERVERS"

// StoreEnv names an environment variable with the s3:// URL of a store on any other server, with a
// prefix and with keys in the usual variables. Tests that can use any server use it too, below
// prefixes of their own.
const StoreEnv = "GOCACHE_TEST_STORE"

// servers start the servers that this package can build.
var servers = map[string]func(testing.TB) *Server{
	"versitygw": Gateway,
	"gofakes3":  startGofakes3,
	"minio":     startMinIO,
	"rclone":    startRclone,
}

// Servers lists the names of the servers to test against.
func Servers() []string {
	switch list := os.Getenv(ServersEnv); list {
	case "":
		return []string{"versitygw"}
	case "all":
		return slices.Sorted(maps.Keys(servers))
	default:
		return Restrict(strings.Split(list, ","), fakegcs.name)
	}
}

// asked reports whether a server of another interface is among those to test against.
func (l tool) asked() bool {
	list := strings.Split(os.Getenv(ServersEnv), ",")
	return given[l.name] != "" || slices.Contains(list, l.name) || slices.Contains(list, "all")
}

// StartServer starts one of Servers, which ends with the test.
func StartServer(t testing.TB, name string) *Server {
	t.Helper()
	start, ok := servers[name]
	if !ok {
		t.Fatalf("%s: no server %q", ServersEnv, name)
	}
	if runtime.GOOS == "windows" {
		t.Skip("the servers are built for unix")
	}
	return start(t)
}

// startGofakes3 starts gofakes3, which keeps objects in memory and checks no keys.
func startGofakes3(t testing.TB) *Server {
	t.Helper()
	s := &Server{AccessKey: AccessKey, SecretKey: SecretKey}
	s.run(t, program{tool: gofakes3, health: "/", args: func(addr string) []string {
		return []string{"-host", addr, "-backend", "memory", "-autobucket", "-quiet"}
	}})
	return s
}

// startRclone starts rclone, which serves a directory.
func startRclone(t testing.TB) *Server {
	t.Helper()
	s := &Server{AccessKey: AccessKey, SecretKey: SecretKey}
	data := t.TempDir()
	s.run(t, program{tool: rclone, health: "/", args: func(addr string) []string {
		return []string{"serve", "s3", "--addr", addr, "--auth-key", s.AccessKey + "," + s.SecretKey, "--config", os.DevNull, data}
	}})
	return s
}

// startMinIO starts MinIO with one disk.
func startMinIO(t testing.TB) *Server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "minio")
	s := &Server{AccessKey: AccessKey, SecretKey: SecretKey}
	s.run(t, program{
		tool: minio, health: "/minio/health/ready",
		args: func(addr string) []string {
			return []string{"server", "--quiet", "--address", addr, "--console-address", "127.0.0.1:0", "--config-dir", t.TempDir(), data}
		},
		env: []string{
			"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey, "MINIO_UPDATE=off", "MINIO_BROWSER=off", "MINIO_CI_CD=1",
		},
	})
	return s
}

// Restrict removes names from a list of servers, for tests that these servers cannot pass.
func Restrict(list []string, not ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(not, name) })
}

// FreshPrefix returns the URL of a store with one more random element in its prefix.
func FreshPrefix(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	return u.JoinPath("test-" + strings.ToLower(rand.Text())).String(), nil
}
