package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/goproxytest"
)

// lockedBuffer is stderr of a command that runs while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// gosumdbWarning is the number of lines about GOSUMDB being off.
const gosumdbWarning = 1

// proxyEnv is an environment without a checksum database.
func proxyEnv(t *testing.T) func(string) string {
	t.Helper()
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOPRIVATE", "")
	t.Setenv("GOENV", "off")
	t.Setenv("GOFLAGS", "")
	return os.Getenv
}

// runProxy runs `gocache proxy` until the test ends, and returns its URL and its log. end ends it,
// and returns the exit code.
func runProxy(t *testing.T, args ...string) (url string, log *lockedBuffer, end func() int) {
	t.Helper()
	log = &lockedBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	args = append([]string{"proxy", "--listen", "127.0.0.1:0", "--cache-dir", t.TempDir()}, args...)
	go func() { code <- execute(ctx, &console{stdout: io.Discard, stderr: log}, args, os.Getenv) }()
	var once sync.Once
	got := 0
	end = func() int {
		once.Do(func() { cancel(); got = <-code })
		return got
	}
	t.Cleanup(func() { end() })
	address := regexp.MustCompile(`address=(\S+)`)
	for range 1200 {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			return "http://" + m[1], log, end
		}
		select {
		case c := <-code:
			t.Fatalf("exit code %d: %s", c, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("it does not serve: %s", log)
	return "", nil, nil
}

func fetchURL(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestProxyCommand: the command serves, says how it is, and ends well; prefetch and refresh work
// with it.
func TestProxyCommand(t *testing.T) {
	env := proxyEnv(t)
	upstream := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	st := t.TempDir()
	url, log, end := runProxy(t, "--store", st, "--upstream", upstream.URL)
	const greet = "/example.com/greet/@v/v1.0.0"
	for path, want := range map[string]int{
		greet + ".info": 200, greet + ".mod": 200, greet + ".zip": 200, "/example.com/greet/@v/list": 200, "/example.com/none/@v/list": 404,
		"/healthz": 200, "/readyz": 200, "/metrics": 200,
	} {
		if status, body := fetchURL(t, url+path); status != want {
			t.Errorf("%s: status %d: %s", path, status, body)
		}
	}
	_, text := fetchURL(t, url+"/metrics")
	for _, want := range []string{
		`gocache_proxy_requests_total{op="zip",status="200"} 1`, `gocache_proxy_found_total{what="zip",where="upstream"} 1`,
		`gocache_proxy_requests_total{op="list",status="404"} 1`, "gocache_proxy_zip_cache_bytes", "gocache_proxy_requests_in_flight 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics have no %s:\n%s", want, text)
		}
	}
	var out bytes.Buffer
	code := execute(t.Context(), &console{stdout: &out, stderr: &out}, []string{"proxy", "refresh", "--server", url, "example.com/greet", "--json"}, env)
	if code != 0 || !strings.Contains(out.String(), `"newest": "v1.0.0"`) {
		t.Errorf("refresh: exit code %d\n%s", code, &out)
	}
	out.Reset()
	code = execute(t.Context(), &console{stdout: &out, stderr: &out}, []string{"proxy", "refresh", "--server", url, "example.com/none", "example.com/greet"}, env)
	if code != 1 || !strings.Contains(out.String(), "example.com/none") || !strings.Contains(out.String(), "v1.0.0") {
		t.Errorf("refresh of what does not exist: exit code %d\n%s", code, &out)
	}
	if code := end(); code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if !strings.Contains(log.String(), "path="+greet+".zip status=200") {
		t.Errorf("log:\n%s", log)
	}

	// What it stored on its way out is there for a proxy without access.
	url, _, _ = runProxy(t, "--store", st, "--offline")
	if status, body := fetchURL(t, url+greet+".zip"); status != 200 {
		t.Errorf("offline: status %d: %s", status, body)
	}
}

// TestPrefetchCommand: modules by name and by go.sum, and a wrong go.sum.
func TestPrefetchCommand(t *testing.T) {
	env := proxyEnv(t)
	upstream := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	st := t.TempDir()
	run := func(args ...string) (int, string) {
		var out, log bytes.Buffer
		args = append(args, "--upstream", upstream.URL, "--cache-dir", t.TempDir())
		code := execute(t.Context(), &console{stdout: &out, stderr: &log}, args, env)
		if code != 0 {
			return code, log.String()
		}
		return code, out.String()
	}
	t.Setenv("GOCACHE_ACTION_STORE", st)
	code, out := run("proxy", "prefetch", "example.com/greet@latest", "--json")
	var got prefetched
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || got.Modules != 1 || got.Fetched != 1 {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	if code, out := run("proxy", "prefetch", "example.com/greet@v1.0.0"); code != 0 || !strings.HasSuffix(out, "1 module, and 0 of which only go.mod is needed; 0 of them fetched, 0 failed\n") {
		t.Errorf("again: exit code %d\n%s", code, out)
	}
	found, _ := filepath.Glob(filepath.Join(st, "v2/repos/gocache-proxy/modules/modules/example.com/greet/@v/v1.0.0/*"))
	if len(found) != 1 {
		t.Fatalf("no module object: %q", found)
	}
	bundled(t, run, found[0])
	lacking(t, run)
	// All that failed are named, each once, and nothing is said of single modules.
	code, out = run("proxy", "prefetch", "example.com/none@v1.0.0", "example.com/greet@v1.0.0", "example.com/nothing@v1.0.0")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 1 || len(lines) != 3+gosumdbWarning || !strings.Contains(out, "\n\texample.com/none@v1.0.0: ") || !strings.Contains(out, "\n\texample.com/nothing@v1.0.0: ") {
		t.Errorf("absent: exit code %d\n%s", code, out)
	}
	if code, out := run("bundle", "export", filepath.Join(t.TempDir(), "x"), "nowhere.sum"); code != 2 {
		t.Errorf("no go.sum: exit code %d\n%s", code, out)
	}
	if code, out := run("proxy", "prefetch", "example.com/greet"); code != 2 {
		t.Errorf("no version: exit code %d\n%s", code, out)
	}
	sum := filepath.Join(t.TempDir(), "go.sum")
	if err := os.WriteFile(sum, fmt.Appendf(nil, "example.com/greet v1.0.0 h1:%s=\n", strings.Repeat("A", 43)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := run("proxy", "prefetch", sum); code != 1 || !strings.Contains(out, "go.sum says") {
		t.Errorf("another hash: exit code %d\n%s", code, out)
	}
}

// bundled carries the module of an object into a store of its own.
func bundled(t *testing.T, run func(args ...string) (int, string), object string) {
	t.Helper()
	raw, err := hex.DecodeString(filepath.Base(object))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum, file, other := filepath.Join(dir, "go.sum"), filepath.Join(dir, "modules.tar"), filepath.Join(dir, "store")
	line := "example.com/greet v1.0.0 h1:" + base64.StdEncoding.EncodeToString(raw) + "\n"
	if err := os.WriteFile(sum, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := run("bundle", "export", file, sum); code != 0 {
		t.Fatalf("export: exit code %d\n%s", code, out)
	}
	if code, out := run("bundle", "import", "--store", other, file, sum); code != 0 || !strings.Contains(out, "1 module") {
		t.Errorf("import: exit code %d\n%s", code, out)
	}
	url, _, end := runProxy(t, "--store", other, "--offline")
	defer end()
	if status, body := fetchURL(t, url+"/example.com/greet/@v/v1.0.0.zip"); status != 200 {
		t.Errorf("imported: status %d: %s", status, body)
	}
	if code, out := run("bundle", "import", "--store", other, sum, sum); code != 1 {
		t.Errorf("not a bundle: exit code %d\n%s", code, out)
	}
}

// lacking imports a bundle that lacks what go.sum names, and exports what nobody has.
func lacking(t *testing.T, run func(args ...string) (int, string)) {
	t.Helper()
	dir := t.TempDir()
	file, sum, empty := filepath.Join(dir, "modules.tar"), filepath.Join(dir, "go.sum"), filepath.Join(dir, "empty.sum")
	line := fmt.Sprintf("example.com/none v1.0.0 h1:%s=\n", strings.Repeat("A", 43))
	if err := errors.Join(os.WriteFile(empty, nil, 0o600), os.WriteFile(sum, []byte(line), 0o600)); err != nil {
		t.Fatal(err)
	}
	if code, out := run("bundle", "export", file, sum); code != 1 || !strings.Contains(out, "example.com/none@v1.0.0: ") {
		t.Errorf("export of what does not exist: exit code %d\n%s", code, out)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed export wrote a file: %v", err)
	}
	if code, out := run("bundle", "export", file, empty); code != 0 {
		t.Errorf("export of nothing: exit code %d\n%s", code, out)
	}
	if code, out := run("bundle", "import", file, sum); code != 1 || !strings.Contains(out, "example.com/none@v1.0.0") {
		t.Errorf("import of less than go.sum names: exit code %d\n%s", code, out)
	}
}

// TestProxyUsage: what makes no sense is wrong usage, and said before anything is served.
func TestProxyUsage(t *testing.T) {
	env := proxyEnv(t)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("tokns: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--upstream ftp://x":   "want https://host/path",
		"--tls-cert x":         "go together",
		"--config " + bad:      "tokns",
		"--config nowhere":     "nowhere",
		"serve":                `unknown command`,
		"refresh":              "needs the path of a module",
		"refresh --server x y": "want a URL",
	} {
		var out bytes.Buffer
		line := append([]string{"proxy"}, strings.Fields(args)...)
		if !strings.HasPrefix(args, "refresh") {
			line = append(line, "--store", t.TempDir())
			line = append(line, "--cache-dir", t.TempDir())
		}
		if code := execute(t.Context(), &console{stdout: &out, stderr: &out}, line, env); code != 2 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, want %q:\n%s", args, code, want, &out)
		}
	}
}
