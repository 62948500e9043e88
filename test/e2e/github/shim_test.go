package github

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A step is the shim in a runner of its own, which has an action directory, a tool cache and a
// temporary directory.
type step struct {
	t                    *testing.T
	node                 string
	action, tools, state string
	env                  []string
}

func newStep(t *testing.T) *step {
	unixOnly(t)
	dir := e2etest.QuietHome(t, t.TempDir())
	s := &step{t: t, node: node(t), action: filepath.Join(dir, "action"), tools: filepath.Join(dir, "tools"), state: filepath.Join(dir, "state")}
	copyAction(t, s.action)
	temp := filepath.Join(dir, "temp")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	s.env = environ("RUNNER_TOOL_CACHE="+s.tools, "RUNNER_TEMP="+temp, "GITHUB_STATE="+s.state, "GOCACHE_ACTION_DOWNLOAD_WAIT=1",
		"NO_PROXY=127.0.0.1", "HOME="+dir, "GOENV=off")
	return s
}

// run runs a phase and returns its output and exit code.
func (s *step) run(phase string, env ...string) (string, int) {
	s.t.Helper()
	cmd := exec.Command(s.node, filepath.Join(s.action, "shim", phase+".js"))
	cmd.Env = append(s.env, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// mustRun demands that a phase ends with the exit code of the stand-in, and prints want.
func (s *step) mustRun(phase, want string, env ...string) string {
	s.t.Helper()
	out, code := s.run(phase, env...)
	if code != 7 || !strings.Contains(out, want) || strings.Contains(out, "::warning") {
		s.t.Fatalf("%s: exit code %d\n%s", phase, code, out)
	}
	return out
}

// mustWarn demands that a phase gives exactly one warning, and does not fail.
func (s *step) mustWarn(phase, want string, env ...string) {
	s.t.Helper()
	out, code := s.run(phase, env...)
	if code != 0 || strings.Count(out, "::warning title=gocache::") != 1 || !strings.Contains(out, want) {
		s.t.Errorf("exit code %d, want a warning with %q:\n%s", code, want, out)
	}
}

// standIn is a script that the shim runs instead of gocache.
const standIn = "#!/bin/sh\necho \"ran $*\"\nexit 7\n"

// asset is the binary's name among the assets of a release.
var asset = fmt.Sprintf("gocache_%s_%s", runtime.GOOS, runtime.GOARCH)

// release gives the action the release data of a tag.
func (s *step) release(version, content string) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	data, err := json.Marshal(map[string]any{"version": version, "assets": map[string]string{asset: sum}})
	if err != nil {
		s.t.Fatal(err)
	}
	write(s.t, filepath.Join(s.action, "shim", "release.json"), string(data))
}

// TestRelease: the tag's binary is downloaded once, checked, and kept in the tool cache.
func TestRelease(t *testing.T) {
	s := newStep(t)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := requests.Add(1); {
		case r.URL.Path == "/elsewhere":
			io.WriteString(w, standIn)
		case r.URL.Path != "/d/v1.2.3/"+asset:
			http.NotFound(w, r)
		case n == 1: // temporary failures are retried: an overloaded server, a broken connection
			http.Error(w, "later", http.StatusServiceUnavailable)
		case n == 2:
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, standIn[:5])
		default:
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer server.Close()
	from := "GOCACHE_ACTION_DOWNLOAD_URL=" + server.URL + "/d/"
	s.release("v1.2.3", standIn)
	s.mustRun("main", "ran action main", from)
	if n := requests.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	arch := strings.NewReplacer("amd64", "x64", "386", "ia32").Replace(runtime.GOARCH)
	dir := filepath.Join(s.tools, "gocache", "1.2.3", arch)
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("tool cache: %v, %v", list, err)
	}
	if _, err := os.Stat(dir + ".complete"); err != nil {
		t.Error(err)
	}
	s.mustRun("post", "ran action post", from)
	s.mustRun("restore", "ran action restore", from)
	if n := requests.Load(); n != 4 {
		t.Errorf("%d requests, want none", n)
	}
	// A tool cache that another job has damaged is replaced.
	write(t, filepath.Join(dir, "gocache"), "#!/bin/sh\necho evil\n")
	s.mustRun("save", "ran action save", from)
	if n := requests.Load(); n != 6 {
		t.Errorf("%d requests, want the download and its redirect once more", n)
	}
}

// TestProxy: the download uses the proxy of the environment.
func TestProxy(t *testing.T) {
	s := newStep(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "http://mirror.example/v1.2.3/"+asset {
			t.Errorf("asked for %s", r.URL)
		}
		io.WriteString(w, standIn)
	}))
	defer proxy.Close()
	s.release("v1.2.3", standIn)
	s.mustRun("main", "ran action main", "GOCACHE_ACTION_DOWNLOAD_URL=http://mirror.example", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL)
}

// TestReleaseRefused: a binary without the checksum of the tag is never run. Neither that nor a
// missing release fails the job.
func TestReleaseRefused(t *testing.T) {
	s := newStep(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "v1.0.0") {
			io.WriteString(w, strings.Replace(standIn, "ran", "evil", 1))
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	from := "GOCACHE_ACTION_DOWNLOAD_URL=" + server.URL
	s.release("v1.0.0", standIn)
	s.mustWarn("main", "SHA-256", from)
	if list, _ := filepath.Glob(filepath.Join(s.tools, "gocache", "1.0.0", "*", "*")); len(list) > 0 {
		t.Errorf("kept %v", list)
	}
	// The post step knows that the job was already warned.
	if out, code := s.run("post", from, "STATE_missing=true"); code != 0 || strings.Contains(out, "::warning") {
		t.Errorf("post: exit code %d\n%s", code, out)
	}
	s.release("v2.0.0", standIn)
	s.mustWarn("main", "HTTP status 404", from)
	server.Close()
	s.mustWarn("main", "ECONNREFUSED", from)
}

// TestGivenBinary: GOCACHE_ACTION_BINARY takes precedence, and the post step runs the binary that
// the main step ran.
func TestGivenBinary(t *testing.T) {
	s := newStep(t)
	binary := filepath.Join(t.TempDir(), "gocache")
	write(t, binary, standIn)
	if err := os.Chmod(binary, 0o755); err != nil {
		t.Fatal(err)
	}
	s.mustRun("main", "ran action main", "GOCACHE_ACTION_BINARY="+binary)
	if state, err := os.ReadFile(s.state); err != nil || strings.TrimSpace(string(state)) != "binary="+binary {
		t.Errorf("state %q, %v", state, err)
	}
	s.mustRun("post", "ran action post", "STATE_binary="+binary, "PATH=")
	s.mustWarn("main", "which is no file", "GOCACHE_ACTION_BINARY="+binary+".gone")
	if err := os.Chmod(binary, 0o644); err != nil {
		t.Fatal(err)
	}
	s.mustWarn("main", "cannot be started", "GOCACHE_ACTION_BINARY="+binary)
}

// TestSignals: the binary gets the signal with which the runner cancels a step, and has time to
// clean up.
func TestSignals(t *testing.T) {
	s := newStep(t)
	binary := filepath.Join(t.TempDir(), "gocache")
	write(t, binary, "#!/bin/sh\ntrap 'echo cleaned up; exit 42' INT TERM\necho ready\nfor i in $(seq 1200); do sleep 0.05; done\n")
	if err := os.Chmod(binary, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := exec.Command(s.node, filepath.Join(s.action, "shim", "main.js"))
		cmd.Env = append(s.env, "GOCACHE_ACTION_BINARY="+binary)
		var out bytes.Buffer
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(io.TeeReader(pipe, &out))
		if line, err := r.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 42 || !strings.Contains(out.String(), "cleaned up") {
			t.Errorf("%v: exit code %d\n%s", sig, code, out.String())
		}
	}
}

// TestSources: an action without a release builds its sources once, whatever platform the job
// builds for, and does not touch the job's caches.
func TestSources(t *testing.T) {
	s := newStep(t)
	goTool := tool(t, "GOCACHE_TEST_GO", "go")
	s.sources("real")
	job := t.TempDir()
	env := []string{"GOCACHE=" + filepath.Join(job, "build"), "GOMODCACHE=" + filepath.Join(job, "mod"), "GOFLAGS=-mod=vendor -tags=x",
		"GOOS=plan9", "GOARCH=386", "GOWORK=" + filepath.Join(job, "go.work"), "GOTOOLCHAIN=local"}
	s.mustRun("main", "real devel-", append(env, "PATH="+filepath.Dir(goTool)+string(filepath.ListSeparator)+os.Getenv("PATH"))...)
	if list, err := os.ReadDir(job); err != nil || len(list) > 0 {
		t.Errorf("in the job's caches: %v, %v", list, err)
	}
	s.mustRun("post", "real devel-", "PATH="+t.TempDir())
}

// sources gives the action a program to build, which exits like the stand-in. It imports very
// little, since the build starts with an empty cache.
func (s *step) sources(word string) {
	write(s.t, filepath.Join(s.action, "go.mod"), "module example.com/action\n\ngo 1.24\n")
	write(s.t, filepath.Join(s.action, "cmd", "gocache", "main.go"),
		"package main\n\nimport \"syscall\"\n\nvar version string\n\nfunc main() {\n\tprintln(\""+word+" \" + version)\n\tsyscall.Exit(7)\n}\n")
}

// TestSourcesChange: each state of the sources is built once, and a build that fails causes a
// warning. A script stands in for the go command.
func TestSourcesChange(t *testing.T) {
	s := newStep(t)
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	write(t, filepath.Join(dir, "go"), `#!/bin/sh
[ -z "$BROKEN" ] || { echo "main.go:1: syntax error" >&2; exit 1; }
echo "$@" >>`+calls+`
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\necho "ran $*"\nexit 7\n' >"$2"
`)
	if err := os.Chmod(filepath.Join(dir, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	builds := func(want int) {
		t.Helper()
		if data, _ := os.ReadFile(calls); strings.Count(string(data), "\n") != want {
			t.Errorf("want %d builds: %s", want, data)
		}
	}
	with := "PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH")
	s.sources("first")
	s.mustRun("main", "ran action main", with)
	s.mustRun("main", "ran action main", with)
	write(t, filepath.Join(s.action, "cmd", "gocache", "main_test.go"), "package main\n")
	s.mustRun("restore", "ran action restore", with)
	builds(1)
	s.sources("second")
	s.mustRun("main", "ran action main", with)
	builds(2)
	s.sources("third")
	s.mustWarn("main", "syntax error", with, "BROKEN=1")
	s.mustWarn("main", "no go in PATH", "PATH="+t.TempDir())
	if list, _ := filepath.Glob(filepath.Join(s.tools, "gocache", "*", "*", "*")); len(list) != 2 {
		t.Errorf("tool cache: %v", list)
	}
	if err := os.Remove(filepath.Join(s.action, "go.mod")); err != nil {
		t.Fatal(err)
	}
	s.mustWarn("main", "no sources", with)
}
