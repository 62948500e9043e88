package goentry_test

import (
	"archive/zip"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/stdtest"
)

var sources = map[string]string{
	"go.mod":            "module example.com/m\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n",
	"p/p.go":            "package p\n\nimport \"example.com/dep\"\n\nfunc P() int { return dep.D() }\n",
	"p/p_test.go":       "package p\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc Test(t *testing.T) {\n\tif P() != 1 || os.Getenv(\"SOME_VARIABLE\") != \"\" {\n\t\tt.Fatal()\n\t}\n}\n",
	"q/q_test.go":       "package q\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc Test(t *testing.T) {\n\tif _, err := os.ReadFile(\"data\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n}\n",
	"q/data":            "x",
	"cmd/x/main.go":     "package main\n\nfunc main() {}\n",
	"verbose/v.go":      "package verbose\n",
	"verbose/t_test.go": "package verbose\n\nimport \"testing\"\n\nfunc TestVerbose(t *testing.T) { t.Log(\"said\") }\n",
}

// job runs a real go command on the sources above.
type job struct {
	t                       *testing.T
	dir, cache, mods, proxy string
}

func newJob(t *testing.T) *job {
	t.Helper()
	base := t.TempDir()
	j := &job{t, filepath.Join(base, "m"), filepath.Join(base, "cache"), filepath.Join(base, "mod"), filepath.Join(base, "proxy")}
	t.Cleanup(func() { osfile.RemoveAll(j.mods) })
	must(t, stdtest.Fill(j.cache))
	for name, text := range sources {
		j.write(filepath.Join(j.dir, filepath.FromSlash(name)), text)
	}
	at := filepath.Join(j.proxy, "example.com", "dep", "@v")
	j.write(filepath.Join(at, "v1.0.0.mod"), "module example.com/dep\n")
	j.write(filepath.Join(at, "v1.0.0.info"), `{"Version":"v1.0.0"}`)
	f, err := os.Create(filepath.Join(at, "v1.0.0.zip"))
	must(t, err)
	z := zip.NewWriter(f)
	for name, text := range map[string]string{"go.mod": "module example.com/dep\n", "d.go": "package dep\n\nfunc D() int { return 1 }\n"} {
		w, err := z.Create("example.com/dep@v1.0.0/" + name)
		must(t, err)
		_, err = w.Write([]byte(text))
		must(t, err)
	}
	must(t, z.Close())
	must(t, f.Close())
	return j
}

// write makes a file that is old enough for the results of tests that read it to be cached.
func (j *job) write(file, text string) {
	j.t.Helper()
	must(j.t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(j.t, os.WriteFile(file, []byte(text), 0o644))
	old := time.Now().Add(-time.Hour)
	must(j.t, os.Chtimes(file, old, old))
}

func (j *job) run(args ...string) string {
	j.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = j.dir
	cmd.Env = append(os.Environ(), "GOCACHE="+j.cache, "GOMODCACHE="+j.mods, "GOPROXY=file://"+filepath.ToSlash(j.proxy), "GOSUMDB=off", "GOFLAGS=-mod=mod",
		"GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err != nil {
		j.t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// kinds returns the kind of each entry, and a function that reads its output.
func (j *job) kinds() (kinds map[digest.ID]goentry.Kind, content func(digest.ID) []byte) {
	c := buildcache.Open(j.cache)
	inv, err := c.Scan(context.Background(), buildcache.ScanOptions{})
	must(j.t, err)
	kinds, outputs := map[digest.ID]goentry.Kind{}, map[digest.ID]buildcache.Output{}
	for _, e := range inv.Entries {
		o, _ := inv.Output(e.Output)
		kind, err := c.Kind(o)
		must(j.t, err)
		kinds[e.Action], outputs[e.Action] = kind, o
	}
	return kinds, func(id digest.ID) []byte {
		head, _, err := c.Ends(outputs[id], int(outputs[id].Size))
		must(j.t, err)
		return head
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealEntries: entries of a go command are recognised by their bytes, and recomputed action IDs
// are those of its entries. The test fails with a go command that names or writes entries in
// another way.
func TestRealEntries(t *testing.T) {
	j := newJob(t)
	before, _ := j.kinds()
	j.run("test", "-coverprofile", filepath.Join(t.TempDir(), "c.out"), "./p", "./q")
	j.run("test", "-v", "./verbose")
	j.run("run", "./cmd/x")
	out := j.run("test", "-coverprofile", filepath.Join(t.TempDir(), "c.out"), "./p", "./q")
	if strings.Count(out, "(cached)") != 2 {
		t.Fatalf("the results are not cached:\n%s", out)
	}
	kinds, content := j.kinds()
	count := map[goentry.Kind]int{}
	for id, kind := range kinds {
		if _, ok := before[id]; !ok {
			count[kind]++
		}
	}
	// The go command records each test twice: under how its program was made, and under what the
	// program is.
	for kind, want := range map[goentry.Kind]int{goentry.KindTestLog: 6, goentry.KindResult: 6, goentry.KindProfile: 4, goentry.KindProgram: 1} {
		if count[kind] != want {
			t.Errorf("%d new entries are a %s, want %d", count[kind], kind, want)
		}
	}
	if count[goentry.KindPackage] == 0 || count[goentry.KindIndex] == 0 {
		t.Errorf("new entries: %v", count)
	}
	version := strings.TrimSpace(j.run("env", "GOVERSION"))
	proven := 0
	for id, kind := range kinds {
		if kind != goentry.KindTestLog {
			continue
		}
		log := content(id)
		result, ok := goentry.ResultWithoutFiles(version, id, log, os.LookupEnv)
		readsFile := strings.Contains(string(log), "\nopen ")
		switch found := kinds[result] == goentry.KindResult; {
		case readsFile && ok && found:
			t.Errorf("the result of a test that read a file of its module counts as proven; its log: %s", log)
		case strings.Contains(string(log), "getenv SOME_VARIABLE") && !found:
			t.Errorf("the result of a test without files is not found; its log: %s", log)
		case found:
			proven++
		}
		if _, ok := before[id]; !ok && kinds[result] == goentry.KindResult && strings.Contains(string(log), "SOME_VARIABLE") && kinds[goentry.CoverProfile(result)] != goentry.KindProfile {
			t.Error("the coverage profile of a result is not found")
		}
	}
	if proven < 2 {
		t.Errorf("%d results are proven", proven)
	}
	if index := goentry.ModuleIndex(version, filepath.Join(j.mods, "example.com", "dep@v1.0.0")); kinds[index] != goentry.KindIndex {
		t.Errorf("the index of a module is %q", kinds[index])
	}
}

// TestRealCompilerID: go env tries out the C compiler, and caches what it found.
func TestRealCompilerID(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil || runtime.GOOS == "windows" {
		t.Skip("no gcc")
	}
	j := newJob(t)
	before, _ := j.kinds()
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("CC", "gcc")
	j.run("env", "GOGCCFLAGS")
	kinds, _ := j.kinds()
	found := 0
	for id, kind := range kinds {
		if _, ok := before[id]; !ok && kind == goentry.KindCompiler {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d entries are about the C compiler, want 1", found)
	}
}
