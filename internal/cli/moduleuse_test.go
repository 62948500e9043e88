package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/config"
)

// moduleUseProject needs a module for a package, one for a test, one for a tool, one that is
// replaced, and one for Windows only. Another module is only in go.sum, and there is a nested
// module.
const moduleUseProject = `
-- go.mod --
module example.com/p

go 1.24

tool example.com/used/tool/cmd/gen

require (
	example.com/greet v1.0.0
	example.com/used/replaced v1.0.0
	example.com/used/test v1.0.0
	example.com/used/tool v1.0.0
	example.com/used/windows v1.0.0
)

replace example.com/used/replaced => example.com/used/other v1.2.0
-- p.go --
package p

import (
	_ "example.com/greet"
	_ "example.com/used/replaced"
)
-- p_windows.go --
package p

import _ "example.com/used/windows"
-- p_test.go --
package p

import _ "example.com/used/test"
-- nested/go.mod --
module example.com/nested

go 1.24

require example.com/used/nested v1.0.0
-- nested/n.go --
package nested

import _ "example.com/used/nested"
`

func TestModuleUse(t *testing.T) {
	proxy := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	base := t.TempDir()
	dir, mod := filepath.Join(base, "p"), filepath.Join(base, "mod")
	for _, f := range txtar.Parse([]byte(moduleUseProject)).Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"GOMODCACHE": mod, "GOPROXY": proxy.URL, "GOSUMDB": "off", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "GOWORK": "", "GOOS": "linux",
	} {
		t.Setenv(name, value)
	}
	for _, sub := range []string{".", "nested"} {
		cmd := exec.Command("go", "mod", "tidy")
		cmd.Dir = filepath.Join(dir, sub)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	sum, err := os.OpenFile(filepath.Join(dir, "go.sum"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sum.WriteString("example.com/listed v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"); err != nil {
		t.Fatal(err)
	}
	sum.Close()
	cfg := config.New(config.Save)
	cfg.Dir = dir
	p, err := findProject(context.Background(), &run{cfg: cfg, out: &console{}, env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	v := func(path, version string) module.Version { return module.Version{Path: path, Version: version} }
	want := map[module.Version]bool{
		v("example.com/greet", "v1.0.0"): true, v("example.com/used/other", "v1.2.0"): true, v("example.com/used/test", "v1.0.0"): true,
		v("example.com/used/tool", "v1.0.0"): true, v("example.com/used/nested", "v1.0.0"): true,
	}
	got, err := p.moduleUse(context.Background())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}

	// With a go.mod that the go command refuses, everything in go.sum counts as used, and a warning
	// gives the reason.
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/p\n\ngo 1.999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err = p.moduleUse(context.Background())
	if err == nil || !got[v("example.com/listed", "v1.0.0")] || !got[v("example.com/used/windows", "v1.0.0")] || !got[v("example.com/used/nested", "v1.0.0")] {
		t.Errorf("with a broken go.mod: %v, %v", err, got)
	}
}
