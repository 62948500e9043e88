package goentry

import (
	"bytes"
	"go/importer"
	"go/token"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestImportPath: packages of the standard library, as this compiler writes them, have the path
// that an importer finds, and are refused, without a panic, wherever they are cut off or damaged.
func TestImportPath(t *testing.T) {
	out, err := exec.Command("go", "list", "-export", "-f", "{{.ImportPath}} {{.Export}}", "errors", "internal/abi", "io/fs", "unicode").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 4 {
		t.Fatalf("go list: %s", out)
	}
	for _, l := range lines {
		want, file, _ := strings.Cut(l, " ")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ImportPath(bytes.NewReader(data)); got != want || err != nil {
			t.Errorf("%s: %q, %v", want, got, err)
		}
		open := func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		if pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import("_"); err != nil || pkg.Path() != want {
			t.Errorf("the importer of the library finds another path than %s: %v, %v", want, pkg, err)
		}
		for _, n := range []int{0, 8, 100, 200, 300, 400} {
			if got, err := ImportPath(bytes.NewReader(data[:min(n, len(data))])); err == nil {
				t.Errorf("%s, cut off at %d: %q", want, n, got)
			}
		}
	}
}

// FuzzImportPath: no bytes make it panic, or take much memory.
func FuzzImportPath(f *testing.F) {
	f.Add([]byte(Archive + "__.PKGDEF\n\n$$B\nu" + strings.Repeat("\x01\x00\x00\x00", 40)))
	f.Add([]byte(Archive + "\n$$B\nu\x02\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\xff", 60)))
	f.Fuzz(func(_ *testing.T, data []byte) {
		ImportPath(bytes.NewReader(data))
	})
}
