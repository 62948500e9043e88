package stdtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestCommand: the second who asks gets the program that the first one has made.
func TestCommand(t *testing.T) {
	osfiletest.NeedCompiler(t)
	t.Setenv("TMPDIR", t.TempDir())
	first, err := Command()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Command()
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(second); err != nil || first != second || !os.SameFile(before, after) {
		t.Errorf("%s and %s, %v", first, second, err)
	}
	if runtime.GOOS != "windows" { // a directory that others can write to is not used
		if err := os.Chmod(filepath.Dir(first), 0o777); err != nil {
			t.Fatal(err)
		}
		if third, err := Command(); err != nil || third == first {
			t.Errorf("%s, %v", third, err)
		}
	}
	if out, err := exec.Command(first, "version").Output(); err != nil || !strings.HasPrefix(string(out), "gocache ") {
		t.Errorf("%q, %v", out, err)
	}
}
