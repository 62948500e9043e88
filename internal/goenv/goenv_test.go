package goenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
)

func goCommand(ctx context.Context, dir string, extra []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), extra...)
	return cmd.Output()
}

// TestRead: a project that wants another toolchain gets no other one, and the setting is the real
// one.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/go.mod", []byte("module m\n\ngo 1.20\n\ntoolchain go1.99.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOTOOLCHAIN", "auto")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-tags=x")
	for _, names := range [][]string{nil, {"GOFLAGS", "GOVERSION"}} {
		env, err := Read(t.Context(), goCommand, dir, names...)
		if err != nil || env["GOFLAGS"] != "-tags=x" || env["GOTOOLCHAIN"] != "auto" || env["GOVERSION"] == "go1.99.1" {
			t.Errorf("%q: %v, %q", names, err, env)
		}
		if _, ok := env["GOROOT"]; ok == (names != nil) {
			t.Errorf("%q: %q", names, env)
		}
	}
}

// TestErrors: an error of either go command is one of Read, and so is what is no JSON.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, arg := range []string{"-json", "GOTOOLCHAIN"} {
		_, err := Read(t.Context(), func(_ context.Context, _ string, _ []string, args ...string) ([]byte, error) {
			if slices.Contains(args, arg) {
				return nil, broken
			}
			return []byte("{}"), nil
		}, "")
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	for _, out := range []string{"", "go: error", `{"GOFLAGS":1}`} {
		if env, err := Parse([]byte(out), nil); err == nil {
			t.Errorf("%q: %q", out, env)
		}
	}
	if env, err := Parse([]byte("null"), []byte("auto\n")); err != nil || env["GOTOOLCHAIN"] != "auto" {
		t.Errorf("%q, %v", env, err)
	}
}
