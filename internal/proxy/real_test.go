package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/upstream"
)

// TestToolchain: another toolchain comes through the proxy, verified by the checksum database.
func TestToolchain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the toolchain is a shell script")
	}
	version := fmt.Sprintf("v0.0.1-go1.99.1.%s-%s", runtime.GOOS, runtime.GOARCH)
	m := newModule(t, toolchain, version, map[string]string{
		"bin/go": "#!/bin/sh\necho another toolchain\n", "pkg/tool/x": "", "lib/x": "", "bin/gofmt": "", "go.mod": "module golang.org/toolchain\n",
	})
	w := newWorld(t, m).start(nil)
	check := func() {
		t.Helper()
		g := w.goCommand("module example.com/project\n\ngo 1.20\n")
		g.env = append(g.env, "GOTOOLCHAIN=go1.99.1")
		if got := g.run("version"); !strings.Contains(got, "another toolchain") {
			t.Errorf("go version: %q", got)
		}
	}
	check()
	w.start(nil)
	check()
	if n := w.watch.get("zip from store"); n != 1 {
		t.Errorf("%d zips were made from module objects", n)
	}
}

// realModule is one that go.sum of this project names, and the module cache has.
type realModule struct {
	module.Version
	sum  string
	size int64
}

// realModules returns the smallest ones with a zip.
func realModules(t *testing.T, cache string, limit int) (list []realModule) {
	t.Helper()
	data, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		f := strings.Fields(sc.Text())
		if len(f) != 3 || strings.HasSuffix(f[1], "/go.mod") {
			continue
		}
		path, _ := module.EscapePath(f[0])
		version, _ := module.EscapeVersion(f[1])
		st, err := os.Stat(filepath.Join(cache, filepath.FromSlash(path), "@v", version+".zip"))
		if err == nil && st.Size() < 1<<20 {
			list = append(list, realModule{module.Version{Path: f[0], Version: f[1]}, f[2], st.Size()})
		}
	}
	slices.SortFunc(list, func(a, b realModule) int { return int(a.size - b.size) })
	return list[:min(limit, len(list))]
}

// TestRealModules: what is served of modules that people have written has the hash that the
// checksum database has signed, once as it came and once made of the module object.
func TestRealModules(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred modules")
	}
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(strings.TrimSpace(string(out)), "cache", "download")
	list := realModules(t, cache, 100)
	if len(list) < 20 {
		t.Skipf("the module cache has %d of the modules of this project", len(list))
	}
	files := httptest.NewServer(http.FileServer(http.Dir(cache)))
	defer files.Close()
	u, err := url.Parse(files.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.private = "*" // go.sum has what was signed
	for _, from := range []string{"upstream", "store"} {
		w.start(func(o *Options) { o.PrivateSource = &upstream.HTTP{Base: u, Client: upstream.NewClient()} })
		for _, m := range list {
			path, _ := module.EscapePath(m.Path)
			version, _ := module.EscapeVersion(m.Version.Version)
			if got := sumOf(t, w.want(200, path+"/@v/"+version+".zip")); got != m.sum {
				t.Errorf("%s from %s: %s, want %s", m.Version, from, got, m.sum)
			}
		}
		if n := w.watch.get("zip from " + from); n != len(list) {
			t.Errorf("%d of %d from %s", n, len(list), from)
		}
	}
	t.Logf("%d modules", len(list))
}
