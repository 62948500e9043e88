package gitlab

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"

	"github.com/org/gocache-action/internal/stdtest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A lab is a project on its own GitLab, with a runner whose caches lie outside the project, and a
// bucket.
type lab struct {
	t       *testing.T
	root    string
	project string
	s3      *storetest.Server
	sts     *storetest.STS
	env     []string
	checked bool // the pipeline was checked against GitLab's schema
}

const pipeline = `
include:
  - component: $CI_SERVER_FQDN/acme/shop/gocache@$CI_COMMIT_SHA
    inputs:
      store: STORE
      credentials: role
      role: ROLE
      summary: summary.md
stages: [build, test]
build:
  extends: .gocache
  stage: build
  script:
    - go build -v ./... 2>&1 | sed 's/^/compiled /'
vet:
  extends: .gocache
  stage: test
  script:
    - go vet ./...
broken:
  extends: .gocache
  script:
    - go build ./...
    - exit 1
  allow_failure: true
broken-unsaved:
  extends: .gocache
  variables: {GOCACHE_SAVE_ON_FAILURE: "false"}
  script: exit 1
  allow_failure: true
other-image:
  extends: .gocache
  variables: {GOCACHE_BINARY: gocache-of-another-image}
  script: echo ran
`

var projectFiles = map[string]string{
	".gitlab-ci.yml": pipeline,
	".gitignore":     ".gitlab-ci-local\n/templates\n/summary.md\n",
	"go.mod":         "module gitlab.example.com/acme/shop\n\ngo 1.26\n\nrequire example.com/greet v1.0.0\n",
	"shop.go":        "package shop\n\nimport \"example.com/greet\"\n\nvar _ = greet.Hello\n",
}

// newLab is a lab for the project that includes the component of its own commit.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := bareLab(t)
	proxy := goproxytest.NewTestServer(t, "../../../testdata/modules", "")
	l.env = append(l.env, "GOPROXY="+proxy.URL, "GOSUMDB=off")
	l.commit()
	return l
}

// bareLab is a lab without a project.
func bareLab(t *testing.T) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("runs pipelines")
	}
	for _, program := range []string{"gitlab-ci-local", "rsync", "git"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") == "" {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	g := storetest.Gateway(t)
	g.Bucket(t, "bucket")
	l := &lab{t: t, root: t.TempDir(), s3: g, sts: storetest.NewSTS(t, g), env: os.Environ()}
	l.project = filepath.Join(l.root, "builds", "shop")
	binary, err := stdtest.Command()
	if err != nil {
		t.Fatal(err)
	}
	home := e2etest.QuietHome(t, filepath.Join(l.root, "home"))
	// The caches are in the default places of the go command.
	l.env = append(l.env,
		"HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, ".cache"), "GOPATH="+filepath.Join(home, "go"), "GOMODCACHE=", "GOCACHE=",
		"GOFLAGS=", "GOTOOLCHAIN=local", "GOENV=off",
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GITLAB_CI=", "GITHUB_ACTIONS=", "GCL_IGNORE_PREDEFINED_VARS=GITLAB_CI,CI_PIPELINE_SOURCE,CI_COMMIT_REF_NAME,CI_PROJECT_ID,CI_COMMIT_REF_PROTECTED")
	l.env = append(l.env, l.sts.Env()...)
	return l
}

// commit makes the repository. It includes the component, as in a project that publishes one.
func (l *lab) commit() {
	l.t.Helper()
	for name, text := range projectFiles {
		text = strings.NewReplacer("STORE", l.s3.URL("bucket", ""), "ROLE", l.sts.Role).Replace(text)
		l.write(filepath.Join(l.project, name), text)
	}
	template, err := os.ReadFile("../../../templates/gocache.yml")
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(filepath.Join(l.project, "templates", "gocache.yml"), string(template))
	l.must(l.project, "go", "mod", "tidy")
	l.init()
}

// init makes the first commit of the project.
func (l *lab) init() {
	l.t.Helper()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://gitlab.example.com/acme/shop.git"},
		{"add", "."}, {"commit", "-q", "-m", "one"}, {"update-ref", "refs/remotes/origin/main", "HEAD"}, {"symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"},
	} {
		l.must(l.project, "git", args...)
	}
	l.wipe()
}

func (l *lab) write(path, text string) {
	l.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// wipe turns the runner into a new one.
func (l *lab) wipe() {
	l.t.Helper()
	home := filepath.Join(l.root, "home")
	filepath.WalkDir(home, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o755) // module trees are read-only
		}
		return nil
	})
	if err := os.RemoveAll(home); err != nil {
		l.t.Fatal(err)
	}
	l.write(filepath.Join(home, ".profile"), "")
}

func (l *lab) run(dir string, env []string, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(slices.Clone(l.env), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (l *lab) must(dir, program string, args ...string) {
	l.t.Helper()
	if out, err := l.run(dir, nil, program, args...); err != nil {
		l.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// pipeline runs jobs with predefined variables that gitlab-ci-local does not set by itself. It also
// checks what must hold for every pipeline: the log has no secret, and no files are left in or next
// to the project.
func (l *lab) pipeline(jobs []string, variables ...string) (log string, err error) {
	l.t.Helper()
	args := append([]string{"--force-shell-executor"}, jobs...)
	if l.checked {
		args = append(args, "--json-schema-validation=false") // takes as long as everything else
	}
	l.checked = true
	for _, v := range append(variables, "GITLAB_CI=true", "GOCACHE_ACTION_ID_TOKEN="+l.sts.Token) {
		args = append(args, "--variable", v)
	}
	log, err = l.run(l.project, nil, "gitlab-ci-local", args...)
	for _, secret := range []string{l.sts.Token, l.s3.SecretKey} {
		if strings.Contains(log, secret) {
			l.t.Errorf("%s is in the log", secret)
		}
	}
	if left, _ := filepath.Glob(l.project + ".tmp/*"); len(left) > 0 {
		l.t.Errorf("left behind: %v", left)
	}
	if status, _ := l.run(l.project, nil, "git", "status", "--porcelain"); status != "" {
		l.t.Errorf("the project has changed:\n%s", status)
	}
	return log, err
}

// scopes lists the scopes of the repository that have snapshots, each with its number of manifests.
func (l *lab) scopes() map[string]int {
	found := map[string]int{}
	root := filepath.Join(l.s3.DataDir, "bucket", "v2", "repos", "gitlab.example.com~acme~shop")
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(root, path); err == nil && d.Type().IsRegular() && strings.Contains(rel, "/snapshots/") {
			scope, _, _ := strings.Cut(rel, "/")
			found[scope]++
		}
		return nil
	})
	return found
}
