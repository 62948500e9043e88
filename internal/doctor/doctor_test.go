package doctor

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/goproxytest"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/usage"
)

const someSum = "h1:ALnoz1B1tbbvfhWqBEbsYT2i2t4t4dkjJyyXIAJsW4Q="

// TestHealthy: a project on a machine where nothing is wrong has neither warnings nor failures,
// whatever a check looks at.
func TestHealthy(t *testing.T) {
	t.Parallel()
	proxy := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	w := newWorld(t, map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.24\n\nrequire example.com/greet v1.0.0\n",
		"m.go":      "package m\n\nimport \"example.com/greet\"\n\nconst Hello = greet.Hello\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestM(t *testing.T) {}\n",
		".github/workflows/test.yml": "on: push\njobs:\n  test:\n    steps:\n      - uses: actions/setup-go@v6\n        with: { go-version-file: go.mod, cache: false }\n" +
			"      - uses: org/gocache-action@v1\n      - run: go test ./...\n",
	})
	w.env["GOPROXY"] = proxy.URL
	w.env["GOSUMDB"] = "off" // to make go.sum
	if out, err := w.o.Go(t.Context(), w.dir, nil, "mod", "tidy"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sum, err := os.ReadFile(filepath.Join(w.dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	w.env["GOSUMDB"] = database(t, map[string]string{"example.com/greet v1.0.0": strings.Fields(string(sum))[2]})
	w.commit()
	w.o.WriteProbe = true
	w.o.Store = func(context.Context) (store.Store, error) { return dir.Open(filepath.Join(w.root, "store")) }

	found := Run(t.Context(), w.facts(), Checks)
	seen := map[string]bool{}
	for _, one := range found {
		seen[one.Check] = true
		// how full the disk of the test is, nobody knows
		if one.Status != finding.OK && one.Check != "disk-space" {
			t.Errorf("%+v", one)
		}
	}
	for _, name := range Names() {
		if !seen[name] {
			t.Errorf("%s says nothing", name)
		}
	}
	if t.Failed() {
		return
	}
	for _, text := range []string{"none of 1 version is retracted", "go mod tidy changes nothing", "has the hash of go.sum", "1 job with gocache", "written, replaced under a condition"} {
		var b strings.Builder
		if err := found.Write(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), text) {
			t.Errorf("it does not say %q:\n%s", text, b.String())
		}
	}
}

// TestNothing: outside of a project, and without a go command, the other checks end as well.
func TestNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.o.Go = func(context.Context, string, []string, ...string) ([]byte, error) {
		return nil, exec.ErrNotFound
	}
	for _, one := range Run(t.Context(), w.facts(), Checks) {
		if one.Status != finding.OK && one.Check != "go" && one.Check != "disk-space" {
			t.Errorf("%+v", one)
		}
	}
	want(t, w.check("go"), "fail install Go")
	hangs := make(chan struct{})
	defer close(hangs)
	w.o.Limit = 10 * time.Millisecond
	w.o.Go = func(context.Context, string, []string, ...string) ([]byte, error) {
		<-hangs
		return nil, nil
	}
	f := w.facts()
	f.Limit = 0 // of the check, which has the time that it needs on a busy machine
	want(t, runCheck(t, f, "go"), "fail deadline exceeded -> go env\nshows what the go command itself says")
}

// TestRun: results come in the order of the checks, without secrets, and a check that hangs is left
// behind, while one that says so when its time is over is heard. With a clock of its own, the test
// does not depend on how long that takes.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testRun)
}

func testRun(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	list := []Check{
		{Name: "hangs", Limit: 50 * time.Millisecond, run: func(context.Context, *Facts) []finding.Finding {
			<-hangs
			return nil
		}},
		{Name: "late", Limit: 50 * time.Millisecond, run: func(ctx context.Context, _ *Facts) []finding.Finding {
			<-ctx.Done()
			return []finding.Finding{unknown("%v", ctx.Err())}
		}},
		{Name: "quick", run: func(context.Context, *Facts) []finding.Finding {
			return []finding.Finding{finding.Warnf(finding.Run("curl https://u:secret@host"), "https://u:secret@host/ is down"), finding.Okf("fine")}
		}},
	}
	found := Run(t.Context(), &Facts{}, list)
	want(t, found, "warn not done within 50ms", "ok unknown: context deadline", "warn https://***@host/ is down -> curl https://***@host", "ok fine")
	for i, name := range []string{"hangs", "late", "quick", "quick"} {
		if found[i].Check != name {
			t.Errorf("finding %d is of %s, want %s", i, found[i].Check, name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found := Run(ctx, &Facts{}, list[:1]); len(found) != 1 || found[0].Evidence != "interrupted" {
		t.Errorf("after the end: %v", found)
	}
}

func TestSelect(t *testing.T) {
	list, err := Select([]string{"tidy", "go"})
	if err != nil || len(list) != 2 || list[0].Name != "go" {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := Select([]string{"health"}); !usage.Is(err) {
		t.Errorf("a check that does not exist: %v", err)
	}
	if list, _ := Select(nil); len(list) != len(Checks) {
		t.Errorf("%d checks of %d", len(list), len(Checks))
	}
}

// TestDocumentation: docs/doctor.md has the table of the checks.
func TestDocumentation(t *testing.T) {
	const file = "../../docs/doctor.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| check | what it looks at | when it warns or fails | what helps |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`)
	for _, c := range Checks {
		for _, text := range []string{c.Name, c.Looks, c.Bad, c.Mend} {
			if text == "" {
				t.Errorf("%s is not described", c.Name)
			}
		}
		b.WriteString("| `" + c.Name + "` | " + cell.Replace(c.Looks) + " | " + cell.Replace(c.Bad) + " | " + cell.Replace(c.Mend) + " |\n")
	}
	table := regexp.MustCompile(`(?s)\| check \|.*?\n\n`)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	if os.Getenv("UPDATE_DOCS") != "" {
		text = table.ReplaceAllLiteralString(text, b.String()+"\n")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(text, b.String()) {
		t.Errorf("%s is out of date: UPDATE_DOCS=1 go test ./internal/doctor -run Documentation", file)
	}
}
