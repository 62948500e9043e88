package whymodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// repositories is where the repositories of all tests lie: https://git.example/NAME.git is one of
// them.
var repositories string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// testMain gives git and go commands of all tests an environment without the settings of the user.
func testMain(m *testing.M) int {
	root, err := os.MkdirTemp("", "whymodule-")
	if err != nil {
		panic(err)
	}
	defer osfile.RemoveAll(root)
	repositories = filepath.Join(root, "repositories")
	home := filepath.Join(root, "home")
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"),
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": "", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_COUNT": "1",
		"GIT_CONFIG_KEY_0": "url." + osfiletest.FileURL(repositories) + "/.insteadOf", "GIT_CONFIG_VALUE_0": "https://git.example/",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
		"GOENV": "off", "GOFLAGS": "", "GOWORK": "", "GOPRIVATE": "", "GOPROXY": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local", "GO111MODULE": "",
	} {
		os.Setenv(name, value)
	}
	return m.Run()
}

// A world is a repository, a module proxy, a module cache and a project of a test.
type world struct {
	*testing.T
	name string // of the module
	repo string
	o    Options
}

// newWorld makes a repository with a module of these versions, of which each has a file of its own.
func newWorld(t *testing.T, versions ...string) *world {
	t.Helper()
	t.Parallel()
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")) + ".git"
	dir := t.TempDir()
	t.Cleanup(func() { osfile.RemoveAll(filepath.Join(dir, "mod")) })
	e2etest.QuietHome(t, os.Getenv("HOME"))
	w := &world{T: t, name: "git.example/" + name, repo: filepath.Join(repositories, name)}
	w.o = Options{
		GOMOD: os.DevNull,
		Dir:   filepath.Join(dir, "app"), ModDir: filepath.Join(dir, "mod"), Now: time.Now(),
		Settings: Settings{GOPROXY: "direct", GOSUMDB: "off", Source: map[string]string{"GOPROXY": FromEnvironment, "GOSUMDB": FromEnvironment}},
		Run:      w.command,
	}
	w.write(w.repo, map[string]string{"go.mod": "module " + w.name + "\n\ngo 1.21\n", "lib.go": "package lib\n"})
	w.git("init", "-q", "-b", "main")
	w.git("add", ".")
	w.git("commit", "-qm", "begin")
	for _, v := range versions {
		w.publish(v, map[string]string{"version.go": "package lib\n\nconst Version = \"" + v + "\"\n"})
	}
	return w
}

// publish commits files and tags them.
func (w *world) publish(tag string, files map[string]string) {
	w.Helper()
	w.write(w.repo, files)
	w.git("add", ".")
	w.git("commit", "-qm", tag)
	w.git("tag", tag)
}

func (w *world) git(args ...string) {
	w.Helper()
	if out, err := exec.Command("git", append([]string{"-C", w.repo}, args...)...).CombinedOutput(); err != nil {
		w.Fatalf("git %s: %v\n%s", args, err, out)
	}
}

func (w *world) write(dir string, files map[string]string) {
	w.Helper()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			w.Fatal(err)
		}
	}
}

// project writes the files of the project; MODULE in them is the module.
func (w *world) project(files map[string]string) {
	w.Helper()
	for name, text := range files {
		files[name] = strings.ReplaceAll(text, "MODULE", w.name)
	}
	w.write(w.o.Dir, files)
	if files["go.mod"] != "" {
		w.o.GOMOD = filepath.Join(w.o.Dir, "go.mod")
	}
	if files["go.work"] != "" {
		w.o.GOWORK = filepath.Join(w.o.Dir, "go.work")
	}
}

// goEnv is the environment of a go command of the project.
func (w *world) goEnv() []string {
	s := w.o.Settings
	return []string{"GOPROXY=" + s.GOPROXY, "GONOPROXY=" + s.GONOPROXY, "GOMODCACHE=" + w.o.ModDir, "GOFLAGS=-modcacherw", "GOCACHE=" + filepath.Join(repositories, "build")}
}

func (w *world) runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	return w.command(ctx, "go", dir, env, args...)
}

func (w *world) command(ctx context.Context, command, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Dir = dir
	cmd.Env = append(append(cmd.Environ(), w.goEnv()...), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %s", args[0], strings.TrimSpace(stderr.String()))
	}
	return out, err
}

// mustGo runs a go command as the user.
func (w *world) mustGo(args ...string) string {
	w.Helper()
	out, err := w.runGo(w.Context(), w.o.Dir, nil, args...)
	if err != nil {
		w.Fatal(err)
	}
	return string(out)
}

// shell runs the command of a piece of advice in the project.
func (w *world) shell(command string) {
	w.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = w.o.Dir
	cmd.Env = append(cmd.Environ(), w.goEnv()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// proxy serves, as GOPROXY, what the repository has now, and goes on to do so when more is
// published. change may answer instead.
func (w *world) proxy(change func(http.ResponseWriter, *http.Request) bool, versions ...string) *httptest.Server {
	w.Helper()
	mod := filepath.Join(w.TempDir(), "mod")
	w.Cleanup(func() { osfile.RemoveAll(mod) })
	args := []string{"mod", "download"}
	for _, v := range versions {
		args = append(args, w.name+"@"+v)
	}
	if _, err := w.runGo(w.Context(), w.TempDir(), []string{"GOPROXY=direct", "GOMODCACHE=" + mod}, args...); err != nil {
		w.Fatal(err)
	}
	files := http.FileServer(http.Dir(filepath.Join(mod, "cache", "download")))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if change == nil || !change(rw, r) {
			files.ServeHTTP(rw, r)
		}
	}))
	w.Cleanup(server.Close)
	w.o.Settings.GOPROXY = server.URL
	return server
}

// ask asks, and checks that nothing of the user's was written.
func (w *world) ask(query string) *Answer {
	w.Helper()
	before := w.files()
	target, err := ParseTarget(w.name + query)
	if err != nil {
		w.Fatal(err)
	}
	w.o.Now = time.Now()
	a, err := Explain(w.Context(), target, w.o)
	if err != nil {
		w.Fatal(err)
	}
	if after := w.files(); !maps.Equal(before, after) {
		for name, text := range after {
			if before[name] != text {
				w.Errorf("%s was written", name)
			}
		}
		w.Errorf("%d files became %d", len(before), len(after))
	}
	var b strings.Builder
	if err := a.Write(&b); err != nil {
		w.Fatal(err)
	}
	w.Logf("%s", b.String())
	return a
}

// files are the files of the project and of the module cache.
func (w *world) files() map[string]string {
	list := map[string]string{}
	for _, dir := range []string{w.o.Dir, w.o.ModDir} {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				data, _ := os.ReadFile(path)
				list[path] = string(data)
			}
			return nil
		})
	}
	return list
}

// wantStatus checks what a check found, and that its evidence has a text.
func (w *world) wantStatus(a *Answer, check string, status finding.Status, text string) {
	w.Helper()
	i := slices.IndexFunc(a.Findings, func(f finding.Finding) bool { return f.Check == check && strings.Contains(f.Evidence, text) })
	if i < 0 || a.Findings[i].Status != status {
		w.Errorf("no finding %s %v with %q", check, status, text)
	}
}

// wantWell checks that nothing is wrong.
func (w *world) wantWell(a *Answer) {
	w.Helper()
	if a.Findings.Worst() != finding.OK {
		w.Errorf("it is %v", a.Findings.Worst())
	}
}

// wantAdvice checks the command and the reason.
func (w *world) wantAdvice(a *Answer, command, reason string) {
	w.Helper()
	command = strings.ReplaceAll(command, "MODULE", w.name)
	if a.Remedy.Command != command || !strings.Contains(a.Remedy.Advice, reason) || a.Remedy.Advice == "" {
		w.Errorf("advice %q (%s), want %q (%s)", a.Remedy.Command, a.Remedy.Advice, command, reason)
	}
}
