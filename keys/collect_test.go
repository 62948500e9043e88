package keys

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// TestCollect lays out each archive of testdata/collect on disk, asks the real go command for its
// environment there, and compares what is collected and derived with the "want" section. The
// comment of an archive may set variables ("GOFLAGS=-mod=mod"), the project directory ("dir=sub"),
// the line ends ("crlf=yes") and the files of the digest ("select=go.sum;sub/go.mod").
func TestCollect(t *testing.T) {
	archives, err := filepath.Glob("testdata/collect/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, want := collectArchive(t, ar), &ar.Files[len(ar.Files)-1]
			if want.Name != "want" {
				t.Fatalf("last section is %s, not want", want.Name)
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func collectArchive(t *testing.T, ar *txtar.Archive) string {
	root := t.TempDir()
	dir, lineEnd, patterns := root, "\n", []string(nil)
	for line := range strings.Lines(string(ar.Comment)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case !ok || strings.HasPrefix(name, "#"):
		case name == "dir":
			dir = filepath.Join(root, value)
		case name == "select":
			patterns = strings.Split(value, ";")
		case name == "crlf":
			lineEnd = "\r\n"
		default:
			t.Setenv(name, strings.ReplaceAll(value, "$ROOT", root))
		}
	}
	for _, f := range ar.Files[:len(ar.Files)-1] {
		file := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		data := strings.ReplaceAll(string(f.Data), "\n", lineEnd)
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := goEnv(t, dir)
	env.Select = patterns
	in, err := Collect(dir, env)
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), root, "$ROOT") + "\n"
	}
	p, err := Derive(in)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return strings.ReplaceAll(show(p), root, "$ROOT")
}

// goEnv asks the go command for its environment, and sets fixed versions, so that results are the
// same on every machine.
func goEnv(t *testing.T, dir string) Env {
	cmd := exec.Command("go", "env", "-json", "GOMOD", "GOWORK", "GOFLAGS")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	env := Env{
		Name: "job", OS: "linux", HostOS: "linux", Arch: "arm64", HostArch: "amd64",
		GOVERSION: "go1.26.8", GOTOOLCHAIN: "auto",
		Skip: []string{filepath.Join(dir, "modcache")},
	}
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	return env
}

func show(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "key %s\n", p.Key)
	for _, i := range p.Ingredients[5 : len(p.Ingredients)-1] {
		fmt.Fprintf(&b, "file %s %s (%s)\n", i.Name, i.Value, i.Source)
	}
	fmt.Fprintf(&b, "vendor %v, no modules %v, %d sums, %d go.mod sums\n", p.Vendor, p.NoModules, len(p.Sums.Zip), len(p.Sums.Mod))
	if p.Selected != nil {
		fmt.Fprintf(&b, "selected %d\n", len(p.Selected))
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note %s\n", n)
	}
	return b.String()
}

func TestToolchain(t *testing.T) {
	tests := []struct{ local, setting, goLine, toolLine, want string }{
		{"go1.26.8", "auto", "1.25.0", "", "go1.26.8"},
		{"go1.26.8", "auto", "1.27.1", "", "go1.27.1"},
		{"go1.26.8", "auto", "1.27", "", "go1.27.0"},
		{"go1.20.3", "auto", "1.20", "", "go1.20.3"},
		{"go1.26.8", "auto", "1.25.0", "go1.27.2", "go1.27.2"},
		{"go1.26.8", "auto", "1.27.0", "default", "go1.26.8"},
		{"go1.26.8", "path", "1.27.0", "", "go1.27.0"},
		{"go1.26.8", "local", "1.27.0", "go1.27.2", "go1.26.8"},
		{"go1.26.8", "", "1.27.0", "", "go1.26.8"},
		{"go1.26.8", "go1.24.1", "1.27.0", "", "go1.24.1"},
		{"go1.26.8", "go1.24.1+auto", "1.25.3", "", "go1.25.3"},
		{"go1.26.8", "local+auto", "1.27.3", "", "go1.27.3"},
		{"go1.26.8 X:jsonv2", "auto", "1.25.0", "", "go1.26.8 X:jsonv2"},
		{"go1.26.8 X:jsonv2", "auto", "1.27.0", "", "go1.27.0"},
		{"devel +abc", "auto", "1.27.0", "", "devel +abc"},
		{"go1.26.8", "auto", "", "", "go1.26.8"},
	}
	for _, tt := range tests {
		if got := Toolchain(tt.local, tt.setting, tt.goLine, tt.toolLine); got != tt.want {
			t.Errorf("Toolchain(%q, %q, %q, %q) = %q, want %q", tt.local, tt.setting, tt.goLine, tt.toolLine, got, tt.want)
		}
	}
}

// TestNestedUnreadable holds only for ordinary users, since root can read everything.
func TestNestedUnreadable(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(closed); err == nil {
		t.Skip("this user can read every directory")
	}
	in, err := Collect(dir, Env{})
	if err != nil || len(in.Notes) != 1 {
		t.Errorf("Collect: %v, notes %q; want one note", err, in.Notes)
	}
}

func TestCollectNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	if in, err := Collect(dir, Env{}); err != nil || len(in.Notes) != 1 || !strings.Contains(in.Notes[0], dir) {
		t.Errorf("notes %q, %v: %s is not named", in.Notes, err, dir)
	}
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("cannot make symbolic links:", err)
	}
}

// TestCollectByLink: a checkout, its directories and the module cache in it are the same by
// whatever path they are reached.
func TestCollectByLink(t *testing.T) {
	root := t.TempDir()
	real := filepath.Join(root, "real")
	write(t, real, map[string]string{
		"go.work":                 "go 1.26\n\nuse .\nuse ./sub\nuse ./alias\n",
		"go.mod":                  "module m\n\ngo 1.26\n",
		"sub/go.mod":              "module m/sub\n\ngo 1.26\n",
		"tool/go.mod":             "module m/tool\n\ngo 1.26\n",
		"tool/go.sum":             "example.com/a v1.0.0 " + h1a + "\n",
		"mod/x.org@v1.0.0/go.mod": "module x.org\n",
		"mod/x.org@v1.0.0/go.sum": "example.com/evil v1.0.0 " + h1a + "\n",
	})
	link(t, "sub", filepath.Join(real, "alias"))
	link(t, real, filepath.Join(root, "link"))
	link(t, filepath.Join(real, "mod"), filepath.Join(root, "cache"))
	want := ""
	for _, tt := range []struct{ dir, gowork, mod string }{
		{"real", "real", "real/mod"}, {"link", "link", "real/mod"}, {"link", "real", "link/mod"}, {"real", "link", "link/mod"}, {"link", "link", "cache"},
	} {
		in, err := Collect(filepath.Join(root, tt.dir), Env{
			GOWORK: filepath.Join(root, tt.gowork, "go.work"), GOMOD: filepath.Join(root, tt.gowork, "go.mod"),
			Skip: []string{filepath.Join(root, tt.mod)},
		})
		if err != nil || len(in.Notes) > 0 {
			t.Fatal(err, in.Notes)
		}
		p, err := Derive(in)
		if err != nil {
			t.Fatal(err)
		}
		got := listPaths(in.Files) + " " + p.Key.Digest
		if want == "" {
			want = got
		}
		if got != want || len(p.Sums.Zip) != 1 || strings.Contains(got, "mod/x.org") || strings.Contains(got, "alias") {
			t.Errorf("%v: %s, want %s", tt, got, want)
		}
	}
}

// TestHardLinks: two equal go.mod files that are one file on disk still belong to two modules.
func TestHardLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/go.mod": "module m\n", "b/x": ""})
	if err := os.Link(filepath.Join(dir, "a", "go.mod"), filepath.Join(dir, "b", "go.mod")); err != nil {
		t.Skip(err)
	}
	in, err := Collect(dir, Env{})
	if err != nil || len(in.Files) != 2 {
		t.Errorf("%s, %v", listPaths(in.Files), err)
	}
}
