package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// goCommand runs a go command with a module cache of its own that knows nothing but the proxy.
type goCommand struct {
	t   testing.TB
	dir string // the project
	env []string
}

func (w *world) goCommand(goMod string) *goCommand {
	w.t.Helper()
	tmp := w.t.TempDir()
	g := &goCommand{t: w.t, dir: filepath.Join(tmp, "project")}
	w.t.Cleanup(func() { osfile.RemoveAll(filepath.Join(tmp, "mod")) })
	if err := os.Mkdir(g.dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	g.write("go.mod", goMod)
	g.env = append(os.Environ(),
		"GOPROXY="+w.proxy.URL, "GOSUMDB="+w.key, "GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=none", "GOFLAGS=-modcacherw", "GOWORK=off",
		"GOENV=off", "GOTOOLCHAIN=local", "GOMODCACHE="+filepath.Join(tmp, "mod"), "GOPATH="+filepath.Join(tmp, "gopath"),
		"GOBIN="+filepath.Join(tmp, "bin"), "HOME="+tmp, "XDG_CONFIG_HOME="+os.DevNull, // or telemetry is written there, also later on
		"GOCACHE="+buildCache(),
	)
	return g
}

// buildCache is the one of the user: the standard library need not be compiled once more.
var buildCache = sync.OnceValue(func() string {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})

func (g *goCommand) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *goCommand) try(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (g *goCommand) run(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestGoCommands: what people do, through the proxy, with a checksum database that only the proxy
// leads to; then once more offline, by a proxy that starts with the store alone.
func TestGoCommands(t *testing.T) {
	lib := newModule(t, "example.com/Lib", "v1.0.0", map[string]string{"lib.go": "package lib\n\nconst X = 1\n"})
	next := newModule(t, "example.com/Lib", "v1.1.0", map[string]string{"lib.go": "package lib\n\nconst X = 2\n"})
	tool := newModule(t, "example.com/tool/v2", "v2.0.0", map[string]string{
		"main.go": "package main\n\nimport \"example.com/Lib\"\n\nfunc main() { println(lib.X) }\n",
		"go.mod":  "module example.com/tool/v2\n\ngo 1.20\n\nrequire example.com/Lib v1.0.0\n",
	})
	old := newModule(t, "example.com/old", "v2.0.0+incompatible", map[string]string{"old.go": "package old\n"})
	w := newWorld(t, lib, next, tool, old)
	w.queries["example.com/Lib@main"] = "v1.1.0"
	check := func(t *testing.T) {
		g := w.goCommand("module example.com/project\n\ngo 1.20\n")
		g.t = t
		if got := g.run("list", "-m", "-versions", "example.com/Lib"); !strings.Contains(got, "v1.0.0 v1.1.0") {
			t.Errorf("versions: %s", got)
		}
		g.write("main.go", "package main\n\nimport (\n\t\"example.com/Lib\"\n\t_ \"example.com/old\"\n)\n\nfunc main() { println(lib.X) }\n")
		g.run("get", "example.com/Lib@v1.0.0", "example.com/old@v2.0.0+incompatible")
		g.run("get", "-u", "./...")
		g.run("mod", "download", "-json", "all")
		g.run("mod", "verify")
		if got := g.run("run", "."); strings.TrimSpace(got) != "2" {
			t.Errorf("run: %q", got)
		}
		if got := g.run("get", "example.com/Lib@main"); strings.Contains(got, "v1.0.0") {
			t.Errorf("get @main: %s", got)
		}
		g.run("install", "example.com/tool/v2@latest")
		sum, err := os.ReadFile(filepath.Join(g.dir, "go.sum"))
		if err != nil || !bytes.Contains(sum, []byte(next.sum)) || !bytes.Contains(sum, []byte(old.sum)) {
			t.Errorf("go.sum: %v\n%s", err, sum)
		}
		if out, err := g.try("get", "example.com/Lib@v1.2.0"); err == nil || !strings.Contains(out, "404") {
			t.Errorf("a version that does not exist: %v\n%s", err, out)
		}
	}
	w.start(nil)
	t.Run("cold", check)
	t.Run("warm", check)
	w.settle()
	if err := w.lib.Seal(t.Context(), []module.Version{lib.v, next.v, tool.v, old.v}); err != nil {
		t.Fatal(err)
	}
	asked := len(w.asked)
	w.start(func(o *Options) { o.Offline = true })
	t.Run("offline", check)
	if len(w.asked) != asked {
		t.Errorf("offline, and asked: %q", w.asked[asked:])
	}
}

// TestGoVerifies: a tampered module does not get as far as the client, and a client whose go.sum
// says something else refuses what the proxy serves.
func TestGoVerifies(t *testing.T) {
	lib := newModule(t, "example.com/lib", "v1.0.0", map[string]string{"lib.go": "package lib\n"})
	w := newWorld(t, lib).start(nil)
	g := w.goCommand("module example.com/project\n\ngo 1.20\n\nrequire example.com/lib v1.0.0\n")
	g.write("go.sum", fmt.Sprintf("example.com/lib v1.0.0 h1:%s=\nexample.com/lib v1.0.0/go.mod %s\n", strings.Repeat("A", 43), lib.modSum))
	if out, err := g.try("mod", "download"); err == nil || !strings.Contains(out, "checksum mismatch") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFallThrough: GOPROXY=proxy,next goes to the next for what does not exist, and for nothing
// else.
func TestFallThrough(t *testing.T) {
	second := newWorld(t, newModule(t, "example.com/lib", "v1.0.0", map[string]string{"lib.go": "package lib\n"}))
	w := newWorld(t).start(nil)
	try := func() error {
		g := w.goCommand("module example.com/project\n\ngo 1.20\n")
		g.env = append(g.env, "GOPROXY="+w.proxy.URL+","+second.upstream.URL, "GOSUMDB=off")
		_, err := g.try("mod", "download", "example.com/lib@v1.0.0")
		return err
	}
	for status, next := range map[int]bool{404: true, 410: true, 403: false, 429: false, 500: false} {
		w.start(nil)
		second.asked = nil
		w.setAnswer(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/sumdb/") {
				return false
			}
			rw.Header().Set("Retry-After", "60")
			rw.WriteHeader(status)
			return true
		})
		if err := try(); (err == nil) != next || (len(second.asked) > 0) != next {
			t.Errorf("upstream says %d: %v, and the next proxy was asked %q", status, err, second.asked)
		}
	}
}

// TestDirect: modules come from a repository, by way of git, with what a proxy tells of them. A tag
// that is moved is refused.
func TestDirect(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	repo := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(repo, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q", "-b", "main")
	write("go.mod", "module git.example/team/lib.git\n\ngo 1.20\n")
	write("lib.go", "package lib\n")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("tag", "v1.0.0")

	w := newWorld(t)
	w.private = "git.example"
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	direct := upstream.DirectOptions{
		Dir: filepath.Join(t.TempDir(), "sandbox"),
		Env: append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+filepath.ToSlash(repo)+".insteadOf", "GIT_CONFIG_VALUE_0=https://git.example/team/lib"),
	}
	t.Cleanup(func() { osfile.RemoveAll(direct.Dir) })
	start := func() {
		t.Helper()
		w.start(func(o *Options) {
			d, err := upstream.NewDirect(direct)
			if err != nil {
				t.Fatal(err)
			}
			o.PrivateSource = upstream.Chain{{Source: d}}
		})
	}
	start()
	const base = "git.example/team/lib.git/@v/"
	if got := string(w.want(200, base+"list")); got != "v1.0.0\n" {
		t.Errorf("list: %q", got)
	}
	if got := string(w.want(200, base+"v1.0.0.info")); !strings.Contains(got, `"Origin"`) || !strings.Contains(got, "v1.0.0") {
		t.Errorf(".info: %s", got)
	}
	if got := string(w.want(200, base+"v1.0.0.mod")); !strings.HasPrefix(got, "module git.example/team/lib.git") {
		t.Errorf(".mod: %s", got)
	}
	sum := sumOf(t, w.want(200, base+"v1.0.0.zip"))
	if got := string(w.want(200, base+"main.info")); !strings.Contains(got, "v1.0.0") {
		t.Errorf("main: %s", got)
	}
	w.want(404, base+"v1.9.9.info")
	w.want(404, base+"nosuchbranch.info")
	w.settle()

	write("lib.go", "package moved\n")
	git("commit", "-q", "-a", "-m", "two")
	git("tag", "-f", "v1.0.0")
	start()
	if got := sumOf(t, w.want(200, base+"v1.0.0.zip")); got != sum {
		t.Errorf("the moved tag is served: %s", got)
	}
	removeModules(t, w)
	osfile.RemoveAll(direct.Dir) // or the go command would have the old one
	start()
	if data := w.want(502, base+"v1.0.0.zip"); !strings.Contains(string(data), sum) {
		t.Errorf("moved tag: %s", data)
	}
}
