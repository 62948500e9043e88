package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inRepository are facts of a project in a repository with this file.
func inRepository(t *testing.T, name, text string) *Facts {
	t.Helper()
	f := bare(t, nil)
	f.Root = f.Dir
	file := filepath.Join(f.Root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}

// workflow is one with a job of these steps.
func workflow(job string) string {
	return "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n" + job
}

const restores = "      - uses: org/gocache-action@v1\n"

func TestWorkflows(t *testing.T) {
	for _, c := range []struct{ name, check, job, wanted string }{
		{"no gocache", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n      - run: go test ./...\n", "ok no job of"},
		{"well", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n        with: { cache: false }\n" + restores, "ok 1 job with gocache"},
		{"setup-go", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n" + restores, "warn .github/workflows/ci.yml:6: job test"},
		{"old setup-go", "ci-caches", "    steps:\n      - uses: actions/setup-go@v3\n" + restores, "ok "},
		{"old setup-go with a cache", "ci-caches", "    steps:\n      - uses: actions/setup-go@v3\n        with: { cache: true }\n" + restores, "warn setup-go"},
		{"pinned", "ci-caches", "    steps:\n      - uses: actions/setup-go@44694675825211faa026b3c33043df3e48a5fa00 # v6.0.0\n" + restores, "warn setup-go"},
		{"pinned, old", "ci-caches", "    steps:\n      - uses: actions/setup-go@44694675825211faa026b3c33043df3e48a5fa00 # v3.5.0\n" + restores, "ok "},
		{"an expression", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n        with: { cache: '${{ inputs.cache }}' }\n" + restores, "ok "},
		{"actions/cache", "ci-caches", "    steps:\n      - uses: actions/cache@v4\n        with:\n          path: |\n            ~/.npm\n            ~/go/pkg/mod\n          key: x\n" + restores, "warn remove ~/go/pkg/mod"},
		{"of something else", "ci-caches", "    steps:\n      - uses: actions/cache@v4\n        with: { path: ~/.cache/golangci-lint, key: x }\n" + restores, "ok "},
		{"halves", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n      - uses: someone/gocache-action/restore@main\n", "warn setup-go"},
		{"by hand", "ci-caches", "    steps:\n      - uses: actions/setup-go@v6\n      - run: |\n          gocache restore --name x\n", "warn setup-go"},

		{"same paths", "ci-paths", "    env: { GOCACHE: /c }\n    steps:\n" + restores + "      - run: go test ./...\n        env: { GOCACHE: /c }\n", "ok "},
		{"before", "ci-paths", "    steps:\n      - run: echo GOCACHE=/c >> $GITHUB_ENV\n" + restores + "      - run: go test ./...\n", "ok "},
		{"step's own", "ci-paths", "    steps:\n" + restores + "      - run: go test ./...\n        env: { GOMODCACHE: /tmp/mod }\n", "warn the step sets GOMODCACHE=/tmp/mod"},
		{"export", "ci-paths", "    steps:\n" + restores + "      - run: |\n          export GOCACHE=$PWD/.cache\n          go test ./...\n", "warn the step sets GOCACHE=$PWD/.cache"},
		{"in a container", "ci-paths", "    steps:\n" + restores + "      - run: docker run -e GOCACHE=/c golang go test ./...\n      - run: echo \"GOCACHE=$(go env GOCACHE)\"\n", "ok "},
		{"clean", "ci-paths", "    steps:\n" + restores + "      - run: go clean -i -modcache && go build\n", "warn removes what was restored"},
		{"clean tests", "ci-paths", "    steps:\n" + restores + "      - run: go clean -testcache\n", "ok "},

		{"no role", "ci-permissions", "    steps:\n" + restores, "ok "},
		{"role", "ci-permissions", "    steps:\n      - uses: org/gocache-action@v1\n        with: { bucket: b, role-to-assume: 'arn:aws:iam::1:role/x' }\n", "fail id-token: write"},
		{"role with permission", "ci-permissions", "    permissions: { contents: read, id-token: write }\n    steps:\n      - uses: org/gocache-action@v1\n        with: { bucket: b, role-to-assume: 'arn:aws:iam::1:role/x' }\n", "ok "},
		{"write-all", "ci-permissions", "    permissions: write-all\n    steps:\n      - uses: org/gocache-action@v1\n        with: { bucket: b, role-to-assume: 'arn:aws:iam::1:role/x' }\n", "ok "},
		{"gc", "ci-permissions", "    permissions: { contents: read }\n    steps:\n      - uses: org/gocache-action/gc@v1\n", "fail actions: write"},
		{"gc by default", "ci-permissions", "    steps:\n      - uses: org/gocache-action/gc@v1\n", "ok "},
		{"gc of a bucket", "ci-permissions", "    permissions: { contents: read }\n    steps:\n      - uses: org/gocache-action/gc@v1\n        with: { bucket: b }\n", "ok "},
	} {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			f := inRepository(t, ".github/workflows/ci.yml", workflow(c.job))
			want(t, runCheck(t, f, c.check), c.wanted)
		})
	}
	f := inRepository(t, ".github/workflows/ci.yml", "permissions: { id-token: write }\n"+workflow("    steps:\n      - uses: org/gocache-action@v1\n        with: { role-to-assume: 'arn:aws:iam::1:role/x' }\n"))
	want(t, runCheck(t, f, "ci-permissions"), "ok ")
	f = inRepository(t, ".github/workflows/ci.yml", "jobs: [\n")
	want(t, runCheck(t, f, "ci-caches"), "ok unknown: .github/workflows/ci.yml cannot be read")
}

func TestPipelines(t *testing.T) {
	const include = "include:\n  - component: gitlab.com/org/gocache-action/gocache@1\n    inputs: { store: 's3://b' }\n"
	const job = "test:\n  extends: .gocache\n  script:\n    - go test ./...\n"
	for _, c := range []struct{ name, check, text, wanted string }{
		{"no gocache", "ci-caches", "test:\n  cache: { paths: [.go/pkg/mod] }\n  script: go test ./...\n", "ok no job of"},
		{"well", "ci-caches", include + job, "ok 1 job with gocache"},
		{"of its own", "ci-caches", include + job + "  cache:\n    paths:\n      - .go/pkg/mod/\n", "warn GitLab's cache stores .go/pkg/mod/ a second time"},
		{"of several", "ci-caches", include + job + "  cache:\n    - paths: [node_modules]\n    - paths: [.cache/go-build]\n", "warn .cache/go-build"},
		{"default", "ci-caches", "default:\n  cache: { paths: [.go/pkg/mod] }\n" + include + job, "warn cache: []"},
		{"default, switched off", "ci-caches", "default:\n  cache: { paths: [.go/pkg/mod] }\n" + include + job + "  cache: []\n", "ok "},
		{"inherited", "ci-caches", include + ".go:\n  extends: .gocache\n  cache: { paths: ['$GOMODCACHE'] }\ntest:\n  extends: .go\n  script: x\n", "warn $GOMODCACHE"},
		{"another name", "ci-caches", strings.Replace(include, "store:", "job: .warm, store:", 1) + "test:\n  extends: .warm\n  script: x\n  cache: { paths: [.go/pkg/mod] }\n", "warn "},
		{"by hand", "ci-caches", "test:\n  script:\n    - gocache restore\n  cache: { paths: [.go/pkg/mod] }\n", "warn "},
		{"inputs", "ci-caches", "spec:\n  inputs: { a: {} }\n---\n" + include + job, "ok 1 job"},
		{"before_script", "ci-paths", include + job + "  before_script:\n    - make tools\n", "warn in place of the one that restores"},
		{"both scripts", "ci-paths", include + job + "  before_script:\n    - !reference [.gocache, before_script]\n    - make tools\n", "ok "},
		{"after_script", "ci-paths", include + job + "  after_script: [make clean]\n", "warn in place of the one that saves"},
		{"moves", "ci-paths", include + job + "    - GOCACHE=/tmp/c go vet ./...\n", "warn GOCACHE=/tmp/c"},
		{"role", "ci-permissions", "variables: { GOCACHE_ACTION_ROLE_TO_ASSUME: x }\ntest:\n  script: [gocache restore]\n", "fail id_tokens"},
		{"role with a token", "ci-permissions", "variables: { GOCACHE_ACTION_ROLE_TO_ASSUME: x }\ntest:\n  id_tokens: { GOCACHE_ACTION_ID_TOKEN: { aud: sts } }\n  script: [gocache restore]\n", "ok "},
	} {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			want(t, runCheck(t, inRepository(t, pipelineFile, c.text), c.check), c.wanted)
		})
	}
	want(t, runCheck(t, inRepository(t, pipelineFile, "a: [\n"), "ci-paths"), "ok unknown")
}

// widening is a file in which a list has ten times what the one before it has, without any text.
func widening(rest string) string {
	text := "l0: &l0 []\n"
	for i := range 9 {
		text += fmt.Sprintf("l%d: &l%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*l%d, ", i), 10))
	}
	return text + rest
}

// FuzzYAML: no file of a CI system stops doctor.
func FuzzYAML(f *testing.F) {
	f.Add("a: &a {b: *a}\n<<: [*a]\njobs: {x: {steps: [{uses: o/gocache-action@v1}]}}\n")
	f.Add("t: {script: &s [gocache restore, *s]}\n")
	f.Add("jobs: {x: &x {steps: [{uses: o/gocache-action@v1, run: &r [*r]}]}}\n")
	f.Add(widening("t: {script: *l9}\n"))
	f.Add("m: &m {<<: [*m, *m, *m, *m, *m, *m, *m, *m, *m]}\nt: {<<: [*m, *m, *m, *m, *m, *m, *m, *m, *m], script: x}\n")
	f.Add("a: {extends: [a, a, a, a, a, a, a, a, a, a], script: x}\n")
	f.Add("include: {component: x/gocache@1}\nt: {extends: [t, .gocache], cache: [{paths: a}]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		jobs, _ := parseWorkflow("w", []byte(text))
		for _, j := range jobs {
			j.first()
		}
		if p, err := parsePipeline([]byte(text)); err == nil {
			p.caches()
			p.paths()
			p.tokens()
		}
	})
}
