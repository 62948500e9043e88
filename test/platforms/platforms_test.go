package platforms

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// One architecture of each system, since no file depends on the architecture alone.
var systems = []struct{ goos, goarch string }{{"darwin", "arm64"}, {"windows", "amd64"}}

// TestPlatforms: everything here compiles for the other systems.
func TestPlatforms(t *testing.T) {
	osfiletest.NeedCompiler(t)
	if testing.Short() {
		t.Skip("reads all sources of everything that is imported")
	}
	for _, s := range systems {
		t.Run(s.goos, func(t *testing.T) {
			pkgs, err := list("../..", s.goos, s.goarch)
			if err != nil {
				t.Fatal(err)
			}
			own, tests := 0, 0
			for _, p := range pkgs {
				if p.ours() && !strings.Contains(p.ImportPath, " ") {
					own++
				} else if p.ours() {
					tests++
				}
			}
			if own < 80 || tests < 80 {
				t.Errorf("%d packages, %d with tests", own, tests)
			}
			if err := check(pkgs, s.goarch); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMistakes: what does not compile on one of the systems is found, in packages, in their tests,
// and in tests of another package.
func TestMistakes(t *testing.T) {
	osfiletest.NeedCompiler(t)
	for name, c := range map[string]struct {
		files map[string]string
		want  string // of the mistake on Windows; there is none elsewhere
	}{
		"none":        {nil, ""},
		"call":        {map[string]string{"a/b.go": "package a\n\nimport \"syscall\"\n\nvar B = syscall.Getpgrp()\n"}, "undefined: syscall.Getpgrp"},
		"in a func":   {map[string]string{"a/b.go": "package a\n\nimport \"syscall\"\n\nfunc B() { syscall.Kill(1, 2) }\n"}, "undefined: syscall.Kill"},
		"only unix":   {map[string]string{"a/b_linux.go": "package a\n\nfunc B() {}\n", "a/b_darwin.go": "package a\n\nfunc B() {}\n", "c/c.go": "package c\n\nimport \"m/a\"\n\nfunc C() { a.B() }\n"}, "undefined: a.B"},
		"test":        {map[string]string{"a/a_test.go": "package a\n\nimport \"syscall\"\n\nvar _ = syscall.Getpgrp\n"}, "undefined: syscall.Getpgrp"},
		"other tests": {map[string]string{"a/in_test.go": "package a\n\nvar In = 1\n", "a/a_test.go": "package a_test\n\nimport \"m/a\"\n\nimport \"syscall\"\n\nvar _, _ = a.In, syscall.Getpgrp\n"}, "undefined: syscall.Getpgrp"},
		"not used":    {map[string]string{"a/b_windows.go": "package a\n\nimport \"os\"\n"}, `"os" imported and not used`},
		"no files":    {map[string]string{"d/d_linux.go": "package d\n", "d/d_darwin.go": "package d\n", "a/b.go": "package a\n\nimport _ \"m/d\"\n"}, "build constraints exclude all Go files"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"go.mod": "module m\n\ngo 1.24\n", "a/a.go": "package a\n"})
			write(t, dir, c.files)
			for _, s := range systems {
				pkgs, err := list(dir, s.goos, s.goarch)
				if err != nil {
					t.Fatal(err)
				}
				err = check(pkgs, s.goarch)
				if want := s.goos == "windows" && c.want != ""; want != (err != nil) || want && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v", s.goos, err)
				}
			}
		})
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
