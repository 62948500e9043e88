package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/stdtest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// The project has two modules that import little, since every test that starts without a cache
// compiles them.
var projectFiles = map[string]string{
	"go.mod": "module example.com/project\n\ngo 1.24\n\nrequire (\n\tgithub.com/inconshreveable/mousetrap v1.1.0\n" +
		"\tgithub.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db\n)\n",
	"go.sum": `github.com/inconshreveable/mousetrap v1.1.0 h1:wN+x4NVGpMsO7ErUn/mUI3vEoE6Jt13X2s0bqwp9tc8=
github.com/inconshreveable/mousetrap v1.1.0/go.mod h1:vpF70FUmC8bwa3OWnCshd2FqLfsEA9PFc4w1p2J65bw=
github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db h1:62I3jR2EmQ4l5rM/4FEfDWcRD+abF5XlKShorW5LRoQ=
github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db/go.mod h1:l0dey0ia/Uv7NcFFVbCLtqEBQbrT4OCwCSKTEv6enCw=
`,
	"lib/lib.go": "package lib\n\nimport (\n\t\"github.com/inconshreveable/mousetrap\"\n\t\"github.com/mitchellh/colorstring\"\n)\n\n" +
		"func Text() string { return colorstring.Color(\"[red]x\") }\n\nfunc Clicked() bool { return mousetrap.StartedByExplorer() }\n",
	"nested/go.mod": "module example.com/nested\n\ngo 1.24\n",
	"nested/n.go":   "package nested\n\nfunc N() int { return 1 }\n",
}

// A lab is a repository with a workflow, a bucket, and a runner that is new for each run.
type lab struct {
	t                     *testing.T
	act                   string
	root, project, action string
	server                *storetest.Server // of the bucket; nil: there is none
	env                   []string
	vars                  map[string]string // of the repository
	actions               map[string]string // actions of others, as in "uses", and directories with what stands in for them
	only                  string            // the jobs of a matrix that are run, such as "os:ubuntu-latest"; "": all
	concurrent            int               // jobs at once
	std                   bool              // runners begin with a compiled standard library
	keeps                 bool              // the runner is that of the run before
}

// newLab is a lab with a bucket.
func newLab(t *testing.T) *lab {
	l := newBareLab(t)
	l.server = storetest.Gateway(t)
	l.server.Bucket(t, "bucket")
	maps.Copy(l.vars, map[string]string{"ENDPOINT": l.server.Endpoint, "ACCESS_KEY": l.server.AccessKey, "SECRET_KEY": l.server.SecretKey})
	return l
}

func newBareLab(t *testing.T) *lab {
	return labOf(t, filepath.Join("testdata", "project"), projectFiles)
}

// labOf is a lab without a bucket, for a project that has what is in a directory, and more files.
func labOf(t *testing.T, dir string, files map[string]string) *lab {
	unixOnly(t)
	l := &lab{t: t, act: tool(t, "GOCACHE_TEST_ACT", "act"), root: t.TempDir(), concurrent: 1}
	nodeDir := filepath.Dir(node(t))
	l.project, l.action = filepath.Join(l.root, "project"), filepath.Join(l.root, "action")
	copyAction(t, l.action)
	if err := os.CopyFS(l.project, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(l.project, filepath.FromSlash(name)), text)
	}
	l.git("init", "-q", "-b", "main")
	l.git("remote", "add", "origin", "https://github.com/octo/project.git")
	l.git("add", "-A")
	l.git("commit", "-qm", "first")

	binary, err := stdtest.Command()
	if err != nil {
		t.Fatal(err)
	}
	l.vars = map[string]string{
		"GOPROXY": "file://" + goCommand(t, ".", "env", "GOMODCACHE") + "/cache/download," + goCommand(t, ".", "env", "GOPROXY"),
	}
	l.env = environ("HOME="+e2etest.QuietHome(t, filepath.Join(l.root, "home")), "XDG_CACHE_HOME="+filepath.Join(l.root, "xdg"), "GOCACHE_ACTION_BINARY="+binary,
		"GOMODCACHE="+filepath.Join(l.root, "runner", "mod"), "GOCACHE="+filepath.Join(l.root, "runner", "build"), "GOENV=off", "GOTOOLCHAIN=local",
		"PATH="+nodeDir+string(filepath.ListSeparator)+os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1",
		"GIT_CONFIG_GLOBAL="+os.DevNull)
	// module trees are read-only
	t.Cleanup(func() { osfile.RemoveAll(filepath.Join(l.root, "runner")) })
	return l
}

// goCommand runs the go command of this machine, and returns its output.
func goCommand(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

func (l *lab) git(args ...string) {
	l.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", l.project, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// change adds something new to compile.
func (l *lab) change(word string) {
	write(l.t, filepath.Join(l.project, "lib", word+".go"), "package lib\n\nvar "+word+" = 1\n")
}

// Payloads of events.
const repositoryJSON = `"repository": {"full_name": "octo/project", "default_branch": "main"}`

func pushTo(branch string) string {
	return `{"ref": "refs/heads/` + branch + `", ` + repositoryJSON + `}`
}

func pullRequest(number int, headRepo, base string) string {
	return fmt.Sprintf(`{"number": %d, "pull_request": {"number": %[1]d, "head": {"ref": "feature", "repo": {"full_name": %q}},
		"base": {"ref": %q, "repo": {"full_name": "octo/project"}}}, %s}`, number, headRepo, base, repositoryJSON)
}

// A run is the result of a workflow that act ran.
type run struct {
	t    *testing.T
	text string            // what all steps printed, and what the runner made of it
	jobs map[string]string // results
	new  []string          // objects that were written to the bucket
	sum  []string          // sections that steps added to the summary
}

// run runs a workflow, on a new runner unless this one stays. Variables have the form NAME=value
// and override those of the repository; those that begin with "env " are in the environment of all
// steps instead, and those that begin with "secret " are secrets. When the file interrupt appears,
// the run is cancelled.
func (l *lab) run(workflow, event, payload, interrupt string, vars ...string) run {
	l.t.Helper()
	if !l.keeps {
		l.newRunner()
	}
	file := filepath.Join(l.root, "event.json")
	write(l.t, file, payload)
	before := l.objects()
	cmd := exec.Command(l.act, append([]string{event, "-W", ".github/workflows/" + workflow, "-e", file}, l.flags(vars)...)...)
	cmd.Dir, cmd.Env = l.project, l.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	if interrupt != "" {
		waitFor(l.t, interrupt)
		cmd.Process.Signal(os.Interrupt)
	}
	cmd.Wait() // act fails if a job fails
	r := parse(l.t, out.Bytes())
	for name, x := range l.objects() {
		if before[name] != x {
			r.new = append(r.new, name)
		}
	}
	slices.Sort(r.new)
	return r
}

// newRunner removes what the last run has left on its runner.
func (l *lab) newRunner() {
	l.t.Helper()
	if err := osfile.RemoveAll(filepath.Join(l.root, "runner")); err != nil {
		l.t.Fatal(err)
	}
	if l.std {
		if err := stdtest.Fill(filepath.Join(l.root, "runner", "build")); err != nil {
			l.t.Fatal(err)
		}
	}
}

// flags are those of act for all runs, and those for some variables.
func (l *lab) flags(vars []string) []string {
	args := []string{"--json", "--no-cache-server", "--concurrent-jobs", strconv.Itoa(l.concurrent)}
	for _, runner := range []string{"ubuntu-latest", "self-hosted", "builder-1"} {
		args = append(args, "-P", runner+"=-self-hosted")
	}
	for _, sub := range []string{"", "/restore", "/save", "/gc"} {
		args = append(args, "--local-repository", "org/gocache-action"+sub+"@v1="+l.action)
	}
	if l.only != "" {
		args = append(args, "--matrix", l.only)
	}
	for uses, dir := range l.actions {
		args = append(args, "--local-repository", uses+"="+dir)
	}
	for name, value := range l.vars {
		if !slices.ContainsFunc(vars, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			args = append(args, "--var", name+"="+value)
		}
	}
	for _, v := range vars {
		if env, ok := strings.CutPrefix(v, "env "); ok {
			args = append(args, "--env", env)
		} else if secret, ok := strings.CutPrefix(v, "secret "); ok {
			args = append(args, "--secret", secret)
		} else {
			args = append(args, "--var", v)
		}
	}
	return args
}

func waitFor(t *testing.T, file string) {
	t.Helper()
	for range 1200 {
		if _, err := os.Stat(file); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no %s within 120 s", file)
}

// parse reads the log, which has one JSON object per line.
func parse(t *testing.T, data []byte) run {
	r := run{t: t, jobs: map[string]string{}}
	var text strings.Builder
	for line := range bytes.Lines(data) {
		var entry struct{ Msg, JobID, JobResult, Command, Content string }
		if json.Unmarshal(line, &entry) != nil {
			text.Write(line)
			continue
		}
		text.WriteString(strings.TrimRight(entry.Msg, "\n") + "\n")
		if entry.Command == "summary" {
			r.sum = append(r.sum, entry.Content)
		}
		if entry.JobResult != "" {
			r.jobs[entry.JobID] = entry.JobResult
		}
	}
	r.text = text.String()
	return r
}

// objects returns the objects of the bucket by name, with values that change when an object is
// rewritten.
func (l *lab) objects() map[string]string {
	out := map[string]string{}
	if l.server == nil {
		return out
	}
	root := filepath.Join(l.server.DataDir, "bucket")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		out[filepath.ToSlash(rel)] = fmt.Sprint(info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// job demands the result of a job.
func (r run) job(id, want string) {
	r.t.Helper()
	if r.jobs[id] != want {
		r.t.Errorf("job %s: %q, want %q\n%s", id, r.jobs[id], want, r.text)
	}
}

// says demands that the log contains the texts.
func (r run) says(texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.text, text) {
			r.t.Errorf("the log does not say %q:\n%s", text, r.text)
		}
	}
}

// summary demands exactly one section for the job, which contains the texts.
func (r run) summary(texts ...string) {
	r.t.Helper()
	if len(r.sum) != 1 || strings.Count(r.sum[0], "### ") != 1 {
		r.t.Errorf("want one section in the summary, got %q", r.sum)
		return
	}
	for _, text := range texts {
		if !strings.Contains(r.sum[0], text) {
			r.t.Errorf("the summary does not say %q:\n%s", text, r.sum[0])
		}
	}
}

// compiled reports whether the go command ran a compiler or an assembler.
func (r run) compiled() bool {
	return regexp.MustCompile(`(?m)^.*/(compile|asm)(\.exe)? .*$`).MatchString(r.text)
}

// wroteOnly demands that something was written, and that everything written is either in this scope
// or a module, since modules are shared.
func (r run) wroteOnly(scope string) {
	r.t.Helper()
	if len(r.new) == 0 {
		r.t.Errorf("nothing was written:\n%s", r.text)
	}
	own := "some/prefix/v2/repos/github.com~octo~project/" + strings.ReplaceAll(scope, "/", "~") + "/"
	for _, name := range r.new {
		if !hasPrefix(name, own, "some/prefix/v2/modules/") {
			r.t.Errorf("wrote %s, want only scope %s", name, scope)
		}
	}
}

// wroteNothing demands that the bucket has not changed.
func (r run) wroteNothing() {
	r.t.Helper()
	if len(r.new) > 0 {
		r.t.Errorf("wrote %v:\n%s", r.new, r.text)
	}
}
