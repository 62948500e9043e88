package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A testJob is a job of a CI system on a machine of its own, with a small project and caches that
// are empty at first.
type testJob struct {
	t     *testing.T
	home  string
	build string
	env   map[string]string // takes precedence over the environment of the test
	made  int
}

func newTestJob(t *testing.T) *testJob {
	t.Helper()
	home := e2etest.QuietHome(t, t.TempDir())
	j := &testJob{t: t, home: home, build: filepath.Join(home, "build"), env: map[string]string{}}
	j.write("m/go.mod", "module example.com/m\n\ngo 1.21\n")
	j.write("m/m.go", "package m\n")
	for name, value := range map[string]string{
		"HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache"), "GOMODCACHE": filepath.Join(home, "mod"), "GOCACHE": j.build,
		"GOFLAGS": "", "GOWORK": "off", "GOENV": "off", "GOTOOLCHAIN": "local", "GOSUMDB": "off", "GITHUB_ACTIONS": "", "GITLAB_CI": "", "CI": "",
	} {
		t.Setenv(name, value)
	}
	t.Cleanup(func() { makeRemovable(home) })
	return j
}

func (j *testJob) path(name string) string { return filepath.Join(j.home, filepath.FromSlash(name)) }

func (j *testJob) write(name, text string) {
	j.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(j.path(name)), 0o755), os.WriteFile(j.path(name), []byte(text), 0o644)); err != nil {
		j.t.Fatal(err)
	}
}

// lookup reads the environment of the job.
func (j *testJob) lookup(name string) string {
	if v, ok := j.env[name]; ok {
		return v
	}
	return os.Getenv(name)
}

// makeRemovable undoes the read-only modes of module trees.
func makeRemovable(root string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
}

// run runs a command and returns its output on both streams.
func (j *testJob) run(args ...string) (code int, output string) {
	j.t.Helper()
	var b bytes.Buffer
	args = append([]string{args[0], "--dir", j.path("m")}, args[1:]...)
	code = execute(context.Background(), &console{stdout: &b, stderr: &b}, args, j.lookup)
	return code, b.String()
}

// says runs a command that must succeed, and whose output must contain text.
func (j *testJob) says(text string, args ...string) string {
	j.t.Helper()
	code, out := j.run(args...)
	if code != config.ExitOK || !strings.Contains(out, text) {
		j.t.Errorf("%s: exit code %d, want %q in\n%s", strings.Join(args, " "), code, text, out)
	}
	return out
}

// compile puts a new entry into the build cache, as the go command does, and returns its action.
func (j *testJob) compile() (action string) {
	j.t.Helper()
	j.made++
	data := []byte(strings.Repeat("compiled ", j.made) + j.home)
	id := digest.Of(append([]byte("action "), data...))
	now := time.Now()
	c := buildcache.Open(j.build)
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	err := c.Prepare(now)
	w, err2 := c.CreateOutput(o, now)
	if err := errors.Join(err, err2); err != nil {
		j.t.Fatal(err)
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close(), c.PutAction(buildcache.Entry{Action: id, Output: o.ID, Size: o.Size, Time: now.UnixNano()}, now)); err != nil {
		j.t.Fatal(err)
	}
	return id.String()
}

// has reports whether the build cache has an action.
func (j *testJob) has(action string) bool {
	_, err := os.Stat(filepath.Join(j.build, action[:2], action+"-a"))
	return err == nil
}

// fresh empties the caches for the next job.
func (j *testJob) fresh() {
	j.t.Helper()
	makeRemovable(j.home)
	for _, dir := range []string{"build", "mod", "cache"} {
		if err := os.RemoveAll(j.path(dir)); err != nil {
			j.t.Fatal(err)
		}
	}
}

// filesBelow returns the content of all files, by their names with slashes.
func filesBelow(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// changed names the files that were changed, added or removed between two states.
func changed(before, after map[string]string) (names []string) {
	all := maps.Clone(before)
	maps.Copy(all, after)
	for name := range all {
		x, ok := before[name]
		y, ok2 := after[name]
		if x != y || ok != ok2 {
			names = append(names, name)
		}
	}
	return names
}

// goCommand runs go in the project.
func (j *testJob) goCommand(args ...string) {
	j.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = j.path("m")
	if out, err := cmd.CombinedOutput(); err != nil {
		j.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
