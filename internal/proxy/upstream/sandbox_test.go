package upstream

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnonymous: what proves who the proxy is gets into the sandbox of private modules, and into no
// other.
func TestAnonymous(t *testing.T) {
	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("machine git.example login a password secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"GOAUTH=secret", "SSH_AUTH_SOCK=/secret", "GIT_CONFIG_KEY_0=secret", "GIT_CONFIG_VALUE_0=secret", "GIT_SSH_COMMAND=secret", "GIT_ASKPASS=/secret"}
	for _, anonymous := range []bool{false, true} {
		o := DirectOptions{Dir: t.TempDir(), Env: append([]string{"PATH=/bin", "OTHER=secret", "GIT_DIR=secret"}, secrets...), Netrc: netrc, Anonymous: anonymous}
		d, err := NewDirect(o)
		if err != nil {
			t.Fatal(err)
		}
		env := strings.Join(d.env, "\n")
		want := len(secrets)
		if anonymous {
			want = 0
		}
		if n := strings.Count(env, "secret"); n != want || !strings.Contains(env, "PATH=/bin") {
			t.Errorf("anonymous %t: %d secrets\n%s", anonymous, n, env)
		}
		_, err = os.Stat(filepath.Join(o.Dir, "home", ".netrc"))
		if errors.Is(err, os.ErrNotExist) != anonymous {
			t.Errorf("anonymous %t: .netrc: %v", anonymous, err)
		}
	}
}

// TestSandboxAgain: what a killed go command left is cleared away, and too much is removed.
func TestSandboxAgain(t *testing.T) {
	dir := t.TempDir()
	lock := filepath.Join(dir, "mod", "cache", "vcs", "x", "shallow.lock")
	module := filepath.Join(dir, "mod", "example.com", "a@v1.0.0", "a.go")
	left := filepath.Join(dir, "tmp", "left")
	for _, name := range []string{lock, module, left} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	if _, err := NewDirect(DirectOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if exists(lock) || exists(left) || !exists(module) {
		t.Errorf("lock %t, temporary file %t, module %t", exists(lock), exists(left), exists(module))
	}
	if _, err := NewDirect(DirectOptions{Dir: dir, Quota: 500}); err != nil {
		t.Fatal(err)
	}
	if exists(module) {
		t.Error("more than the quota stays")
	}
}
