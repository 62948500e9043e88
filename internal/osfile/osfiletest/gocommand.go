package osfiletest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FileURL is the URL of an absolute path, as the go command takes it for a proxy: on Windows
// file:///C:/dir.
func FileURL(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// NeedCompiler skips a test that compiles where the go command has no compiler, as under wine,
// where .ci/wine brings none.
func NeedCompiler(tb testing.TB) {
	tb.Helper()
	if !HasCompiler() {
		tb.Skip("the go command here has no compiler")
	}
}

// HasCompiler reports whether the go command can compile.
func HasCompiler() bool { return exec.Command("go", "tool", "-n", "compile").Run() == nil }
