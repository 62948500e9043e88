package github

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/osfile"
)

// team: what a laptop fetches by the proxy, a job restores without one, and what a job has saved, a
// proxy with a new disk serves although it reaches nobody.
func team(e *example) {
	e.inBucket()
	database := e.checksumDatabase()
	e.env = append(e.env, "GOSUMDB="+database)
	modules := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(goCommand(e.t, ".", "env", "GOMODCACHE"), "cache", "download"))))
	e.t.Cleanup(modules.Close)
	url, end := e.proxy("GOCACHE_ACTION_UPSTREAM=" + modules.URL + "," + goCommand(e.t, ".", "env", "GOPROXY"))
	e.download(url)
	end() // by now all is stored

	ci := e.succeeds("ci.yml", "push", pushTo("main"), "GOPROXY=off")
	ci.says("1 module", "saved in refs/heads/main")

	url, _ = e.proxy("GOCACHE_ACTION_UPSTREAM=off")
	e.newRunner()
	e.download(url)
	e.succeeds("ci.yml", "push", pushTo("main"), "GOPROXY="+url).hits(1)
}

// checksumDatabase starts one that knows what go.sum of the example has, and returns its GOSUMDB.
func (e *example) checksumDatabase() string {
	private, public, err := note.GenerateKey(rand.Reader, "sum.example")
	if err != nil {
		e.t.Fatal(err)
	}
	known, err := os.ReadFile(filepath.Join(e.project, "go.sum"))
	if err != nil {
		e.t.Fatal(err)
	}
	server := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		if !strings.HasPrefix(string(known), path+" "+version+" ") {
			return nil, os.ErrNotExist
		}
		return known, nil
	})))
	e.t.Cleanup(server.Close)
	return public + " " + server.URL
}

// download has a go command with empty caches download the modules of the example.
func (e *example) download(proxy string) {
	e.t.Helper()
	dir := filepath.Join(e.root, "laptop")
	cmd := exec.Command("go", "mod", "download")
	cmd.Dir, cmd.Env = e.project, append(e.env[:len(e.env):len(e.env)], "GOPROXY="+proxy, "GOMODCACHE="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("go mod download: %v\n%s", err, out)
	}
	if err := osfile.RemoveAll(dir); err != nil {
		e.t.Fatal(err)
	}
}

// proxy starts what compose.yaml starts, with another port and directory. end ends it, as docker
// does, which lets it store what it has fetched.
func (e *example) proxy(env ...string) (url string, end func()) {
	e.t.Helper()
	log := new(locked)
	cmd := exec.Command(e.binary(), e.service()[1:]...)
	cmd.Env = append(e.env[:len(e.env):len(e.env)], "GOCACHE_ACTION_STORE="+e.vars["GOCACHE_STORE"],
		"AWS_ACCESS_KEY_ID="+e.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+e.server.SecretKey)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	ended := sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			e.t.Errorf("the proxy: %v\n%s", err, log)
		}
	})
	e.t.Cleanup(ended)
	address := regexp.MustCompile(`address=(\S+)`)
	for range 1200 {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			return "http://" + m[1], ended
		}
		time.Sleep(50 * time.Millisecond)
	}
	e.t.Fatalf("the proxy does not serve: %s", log)
	return "", nil
}

// service returns the command of compose.yaml.
func (e *example) service() []string {
	e.t.Helper()
	data, err := os.ReadFile(filepath.Join(e.project, "compose.yaml"))
	if err != nil {
		e.t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(data, &compose); err != nil {
		e.t.Fatal(err)
	}
	command := compose.Services["proxy"].Command
	for i, arg := range command {
		switch arg {
		case ":3000":
			command[i] = "127.0.0.1:0"
		case "/cache":
			command[i] = e.t.TempDir()
		}
	}
	if len(command) < 2 || command[0] != "gocache" || command[1] != "proxy" {
		e.t.Fatalf("the command is %q", command)
	}
	return command
}

// locked is a log that can be read while a program writes to it.
type locked struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
