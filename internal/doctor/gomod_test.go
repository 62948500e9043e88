package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
)

func TestGoMod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	want(t, w.check("go-mod"), "ok requires 0 modules")
	w.write("", map[string]string{"go.mod": plainMod + "\nrequire example.com/greet v1.0.0\n"})
	want(t, w.check("go-mod"), "fail there is no go.sum")
	w.write("", map[string]string{"go.sum": "example.com/greet v1.0.0 " + someSum + "\n<<<<<<< HEAD\n"})
	want(t, w.check("go-mod"), `fail go.sum: line 2 is "<<<<<<< HEAD"`)
	w.write("", map[string]string{"go.sum": "example.com/greet v1.0.0 " + someSum + "\nexample.com/greet v1.0.0 h1:jpJFHpPdw8lqdSDzmzMXFuGV0+9LyWmHvNd0tQnL7Nw=\n"})
	want(t, w.check("go-mod"), "fail two hashes of example.com/greet v1.0.0")
	w.write("", map[string]string{"go.mod": "module example.com/m\n", "go.sum": ""})
	want(t, w.check("go-mod"), "warn go mod edit -go=1.")
	w.write("", map[string]string{"go.mod": plainMod + "<<<<<<< HEAD\n"})
	want(t, w.check("go-mod"), "fail cannot be read")
}

func TestTidy(t *testing.T) {
	t.Parallel()
	proxy := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	const uses = "package m\n\nimport \"example.com/greet\"\n\nconst Hello = greet.Hello\n"
	w := newWorld(t, map[string]string{"go.mod": plainMod, "m.go": "package m\n"})
	want(t, w.check("tidy"), "ok changes nothing")
	w.write("", map[string]string{"go.mod": plainMod + "\nrequire example.com/greet v1.0.0\n"})
	want(t, w.check("tidy"), "warn -require example.com/greet v1.0.0")
	w.write("", map[string]string{"m.go": uses})
	want(t, w.check("tidy"), "ok unknown: go mod tidy needs modules")
	before, err := os.ReadFile(filepath.Join(w.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	w.env["GOPROXY"], w.env["GOSUMDB"], w.env["GOFLAGS"] = proxy.URL, "off", "-mod=mod"
	if out, err := w.o.Go(t.Context(), w.dir, nil, "mod", "download"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	os.Remove(filepath.Join(w.dir, "go.sum"))
	w.env["GOFLAGS"] = ""
	want(t, w.check("tidy"), "warn +example.com/greet v1.0.0 h1:") // from the cache, without asking anybody
	after, err := os.ReadFile(filepath.Join(w.dir, "go.mod"))
	if err != nil || string(after) != string(before) {
		t.Errorf("go.mod was changed: %v\n%s", err, after)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "go.sum")); err == nil {
		t.Error("go.sum was written")
	}
}

// TestTidySwitches: GOSUMDB=off would keep the go command from the toolchain that go.mod asks for.
func TestTidySwitches(t *testing.T) {
	f := bare(t, map[string]string{"GOMOD": "/m/go.mod"})
	f.Mod = modOf(t, "")
	f.Go = func(_ context.Context, _ string, env []string, _ ...string) ([]byte, error) {
		if slices.Contains(env, "GOSUMDB=off") || !slices.Contains(env, "GONOSUMDB=*") {
			t.Errorf("%q", env)
		}
		return nil, nil
	}
	want(t, runCheck(t, f, "tidy"), "ok changes nothing")
}

func TestReplaces(t *testing.T) {
	t.Parallel()
	const other = "module example.com/a\n\ngo 1.24\n"
	w := newWorld(t, map[string]string{"go.mod": plainMod, "a/go.mod": other, "../b/go.mod": other})
	w.commit()
	want(t, w.check("replace"), "ok nothing is replaced")
	replace := func(with string) {
		w.write("", map[string]string{"go.mod": plainMod + "\nreplace example.com/a => " + with + "\n"})
	}
	replace("./a")
	want(t, w.check("replace"), "ok 1 replacement, 1 of them")
	replace("example.com/c v1.0.0")
	want(t, w.check("replace"), "ok 1 replacement, 0 of them")
	replace("./gone")
	want(t, w.check("replace"), "fail go mod edit -dropreplace=example.com/a")
	replace("../b")
	want(t, w.check("replace"), "warn it is not committed yet")
	w.git(w.dir, "commit", "-qam", "oops")
	want(t, w.check("replace"), "warn it is committed, and no other checkout builds")
	replace(filepath.ToSlash(filepath.Join(w.dir, "a")))
	want(t, w.check("replace"), "warn an absolute path")
	w.write("", map[string]string{"new/go.mod": other})
	replace("./new")
	want(t, w.check("replace"), "warn git does not track")
	w.git(w.dir, "add", "new")
	want(t, w.check("replace"), "ok ")
	if err := os.RemoveAll(filepath.Join(w.dir, ".git")); err != nil {
		t.Fatal(err)
	}
	replace("../b")
	want(t, w.check("replace"), "ok 1 replacement") // nothing is about to be committed
}

func TestExcludes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	want(t, w.check("exclude"), "ok no versions")
	w.write("", map[string]string{"go.mod": plainMod + "require example.com/a v1.1.0\nexclude example.com/a v1.0.0\n"})
	want(t, w.check("exclude"), "ok excluded: example.com/a@v1.0.0")
	w.write("", map[string]string{"go.mod": plainMod + "require example.com/a v1.0.0\nexclude example.com/a v1.0.0\n"})
	want(t, w.check("exclude"), "warn -dropexclude=example.com/a@v1.0.0")
}
