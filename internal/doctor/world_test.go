package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/finding/findingtest"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A world is a machine with a project, for tests: its own home, caches and settings.
type world struct {
	t    *testing.T
	dir  string // of the project
	root string
	env  map[string]string
	o    Options

	// What go env has said, by what it depends on here: a go command takes longer than a test.
	said sync.Map
}

// newWorld makes a project of these files. Nothing in it is committed yet.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	root := t.TempDir()
	home := e2etest.QuietHome(t, filepath.Join(root, "home"))
	w := &world{t: t, dir: filepath.Join(root, "work", "project"), root: root, env: map[string]string{
		"HOME": home, "USERPROFILE": home, "LocalAppData": home, "XDG_CACHE_HOME": filepath.Join(home, ".cache"), "PATH": os.Getenv("PATH"), "TMPDIR": os.TempDir(),
		"SYSTEMROOT": os.Getenv("SYSTEMROOT"), "TEMP": os.TempDir(), "TMP": os.TempDir(), "GIT_CONFIG_NOSYSTEM": "1",
		"GOMODCACHE": filepath.Join(root, "mod"), "GOCACHE": filepath.Join(root, "build"), "GOENV": filepath.Join(root, "env"),
		"GOPROXY": "off", "GOTOOLCHAIN": "local",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	}}
	w.write("", files)
	w.o = Options{
		Dir: w.dir, Getenv: func(name string) string { return w.env[name] }, Now: time.Now,
		Go: func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
			if args[0] == "env" {
				return w.goEnv(ctx, dir, env, args)
			}
			return w.run(ctx, dir, env, "go", args...)
		},
		Git: func(ctx context.Context, dir string, args ...string) (string, error) {
			out, err := w.run(ctx, dir, nil, "git", args...)
			return string(out), err
		},
		Store: func(context.Context) (store.Store, error) { return nil, nil },
	}
	return w
}

// goEnv runs go env, once for the same settings and files.
func (w *world) goEnv(ctx context.Context, dir string, env, args []string) ([]byte, error) {
	settings, _ := os.ReadFile(w.env["GOENV"])
	key := fmt.Sprint(dir, env, args, w.env, string(settings), findUp(dir, "go.mod"), findUp(dir, "go.work"))
	if out, has := w.said.Load(key); has {
		return out.([]byte), nil
	}
	out, err := w.run(ctx, dir, env, "go", args...)
	if err == nil {
		w.said.Store(key, out)
	}
	return out, err
}

// write writes files below the project, or below another directory of the world.
func (w *world) write(dir string, files map[string]string) {
	w.t.Helper()
	if dir == "" {
		dir = w.dir
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	for k, v := range w.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out, err
}

// git runs git in a directory of the world.
func (w *world) git(dir string, args ...string) {
	w.t.Helper()
	if out, err := w.run(context.Background(), dir, nil, "git", args...); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// commit makes a repository of the project as it is.
func (w *world) commit() {
	w.t.Helper()
	w.git(w.dir, "init", "-q")
	w.git(w.dir, "add", "-A")
	w.git(w.dir, "commit", "-qm", "all")
}

func (w *world) facts() *Facts { return Gather(w.t.Context(), w.o) }

// check runs one check.
func (w *world) check(name string) finding.Findings {
	w.t.Helper()
	return runCheck(w.t, w.facts(), name)
}

func runCheck(t *testing.T, f *Facts, name string) finding.Findings {
	t.Helper()
	list, err := Select([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), f, list)
}

// want demands what findings are: for each a status, and a part of its evidence or remedy.
func want(t *testing.T, got finding.Findings, wanted ...string) {
	t.Helper()
	if len(got) != len(wanted) {
		t.Fatalf("found %v, want %q", got, wanted)
	}
	for i, text := range wanted {
		status, part, _ := strings.Cut(text, " ")
		one := got[i]
		if one.Status.String() != status || !strings.Contains(one.Evidence+" -> "+one.Remedy.String(), part) {
			t.Errorf("found %+v, want %q", one, text)
		}
		if one.Status != finding.OK && one.Remedy == (finding.Remedy{}) {
			t.Errorf("%+v has no remedy", one)
		}
		findingtest.Pasteable(t, one)
	}
}

// bare are facts that need no go command.
func bare(t *testing.T, env map[string]string) *Facts {
	t.Helper()
	f := &Facts{
		Options: Options{Dir: t.TempDir(), Getenv: func(string) string { return "" }, Now: time.Now},
		Env:     env, client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}, volume: volumeOf,
	}
	f.uid, f.mayAll = me()
	return f
}

// files serves files by their paths, as a module proxy does.
type files map[string]string

func (list files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, has := list[r.URL.Path]
	if !has {
		http.Error(w, "not found: no such thing here", http.StatusNotFound)
		return
	}
	fmt.Fprint(w, text)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// database is a checksum database with these hashes, as a setting of GOSUMDB.
func database(t *testing.T, sums map[string]string) string {
	t.Helper()
	signer, verifier, err := note.GenerateKey(nil, "sum.example.com")
	if err != nil {
		t.Fatal(err)
	}
	server := sumdb.NewServer(sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		hash, has := sums[path+" "+version]
		if !has {
			return nil, os.ErrNotExist
		}
		return []byte(fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", path, version, hash, path, version, hash)), nil
	}))
	mux := http.NewServeMux()
	for _, path := range sumdb.ServerPaths {
		mux.Handle(path, server)
	}
	return verifier + " " + serve(t, mux)
}
