package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// readingTest is a test that depends on a file of its module.
const readingTest = `package lib

import (
	"os"
	"testing"
)

func TestReading(t *testing.T) {
	if _, err := os.ReadFile("data.txt"); err != nil {
		t.Fatal(err)
	}
}
`

// TestWithoutStableTimes: if the files of a job do not have stable times, its save leaves out
// everything that depends on them, and nothing else. The next job compiles nothing, and repeats
// only the tests that read files of their module.
func TestWithoutStableTimes(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	reading := filepath.Join(shared.Proj, "reading")
	t.Cleanup(func() { os.RemoveAll(reading) })
	e2etest.Must(t, os.MkdirAll(reading, 0o755))
	old := time.Now().Add(-time.Hour)
	for name, text := range map[string]string{"lib_test.go": readingTest, "data.txt": "x"} {
		file := filepath.Join(reading, name)
		e2etest.Must(t, os.WriteFile(file, []byte(text), 0o644))
		e2etest.Must(t, os.Chtimes(file, old, old))
	}
	testAll := func() string {
		t.Helper()
		out, err := shared.GoCommand("off", "test", "./lib", "./reading")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return out
	}
	testAll()
	if out := testAll(); strings.Count(out, "(cached)") != 2 {
		t.Fatalf("the go command does not cache both results: %s", out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	e2etest.Must(t, err)
	ordinary := func(o *save.Options) {
		o.StableTimes, o.GoVersion, o.GOROOT, o.GOMODCACHE, o.Getenv = false, shared.GoVersion, strings.TrimSpace(string(root)), shared.Mod, os.LookupEnv
	}
	plan, err := save.Plan(context.Background(), func() save.Options { o := shared.SaveOptions(t, st); ordinary(&o); return o }())
	e2etest.Must(t, err)
	res := shared.Save(t, st, ordinary)
	if res.Timed == 0 || plan.Timed != res.Timed {
		t.Errorf("%d entries are left out, %d planned", res.Timed, plan.Timed)
	}
	shared.Wipe(t)
	shared.Restore(t, st)
	c := buildcache.Open(shared.Build)
	inv, err := c.Scan(context.Background(), buildcache.ScanOptions{})
	e2etest.Must(t, err)
	count := map[goentry.Kind]int{}
	for _, e := range inv.Entries {
		o, _ := inv.Output(e.Output)
		kind, err := c.Kind(o)
		e2etest.Must(t, err)
		count[kind]++
	}
	if count[goentry.KindCompiler] > 0 || count[goentry.KindResult] == 0 || count[goentry.KindIndex] == 0 {
		t.Errorf("restored: %v", count)
	}
	out := testAll()
	for line := range strings.Lines(out) {
		cached, isLib := strings.Contains(line, "(cached)"), strings.Contains(line, "/lib")
		if cached != isLib {
			t.Errorf("after a restore: %s", line)
		}
	}
	e2etest.Must(t, os.RemoveAll(reading))
	shared.MustBuildOffline(t)
}
