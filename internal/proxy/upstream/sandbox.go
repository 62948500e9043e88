package upstream

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/osfile"
)

// passed are the variables that a go command in the sandbox gets from the process: where programs
// and certificates are, how to get out, and how to prove who one is.
var passed = []string{
	"PATH", "SSH_AUTH_SOCK", "GOAUTH", "GOINSECURE", "GOVCS", "GODEBUG", "LANG",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT", "SystemRoot", "WINDIR", "PATHEXT", "ComSpec",
}

// credentials are those of passed that prove who one is. All of GIT_ can.
var credentials = []string{"SSH_AUTH_SOCK", "GOAUTH"}

// A GIT_ variable passes unless it tells git of a repository that is not the one in question.
var ownRepository = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_COMMON_DIR"}

func (o DirectOptions) passes(name string) bool {
	if slices.Contains(ownRepository, name) || o.Anonymous && slices.Contains(credentials, name) {
		return false
	}
	return slices.Contains(passed, name) || !o.Anonymous && strings.HasPrefix(name, "GIT_")
}

// makeSandbox makes the directories, and clears away what killed go commands have left.
func makeSandbox(o DirectOptions) error {
	for _, dir := range []string{"work", "home", "tmp"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, dir), 0o700); err != nil {
			return err
		}
	}
	empty(filepath.Join(o.Dir, "tmp"))
	locks, _ := filepath.Glob(filepath.Join(o.Dir, "mod", "cache", "vcs", "*", "*.lock"))
	for _, name := range locks {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	// Or that of a parent directory would count, with what it replaces and excludes.
	if err := os.WriteFile(filepath.Join(o.Dir, "work", "go.mod"), []byte("module gocache.invalid/direct\n\ngo 1.21\n"), 0o600); err != nil {
		return err
	}
	return writeNetrc(o)
}

// empty removes what is in a directory.
func empty(dir string) {
	list, _ := os.ReadDir(dir)
	for _, f := range list {
		_ = osfile.RemoveAll(filepath.Join(dir, f.Name()))
	}
}

// sandboxEnv is the whole environment of a go command.
func sandboxEnv(o DirectOptions) []string {
	var env []string
	for _, v := range o.Env {
		if name, _, ok := strings.Cut(v, "="); ok && o.passes(name) {
			env = append(env, v)
		}
	}
	if o.Anonymous {
		env = append(env, "GOAUTH=off", "GIT_SSH_COMMAND=false", "GIT_ASKPASS=false", "SSH_ASKPASS=false")
	}
	in := func(name string) string { return filepath.Join(o.Dir, name) }
	return append(env,
		"HOME="+in("home"), "USERPROFILE="+in("home"), "NETRC="+filepath.Join(in("home"), ".netrc"),
		"XDG_CONFIG_HOME="+in("home"), "XDG_CACHE_HOME="+in("home"),
		"TMPDIR="+in("tmp"), "TMP="+in("tmp"), "TEMP="+in("tmp"),
		"GOPATH="+in("gopath"), "GOMODCACHE="+in("mod"), "GOCACHE="+in("build"),
		"GOENV=off", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GOTELEMETRY=off",
		"GOPROXY=direct", "GOPRIVATE=", "GONOPROXY=", "GONOSUMDB=", "GOSUMDB=off",
		"GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GIT_CONFIG_NOSYSTEM=1",
	)
}

// Texts by which errors of the go command, git and servers are told apart. What is in none of the
// lists is an outage: nobody is sent elsewhere for it.
var (
	forbiddenTexts = []string{
		"terminal prompts disabled", "could not read username", "could not read password",
		"permission denied", "authentication failed", "authentication required", "401 unauthorized", "403 forbidden",
		"http basic: access denied", "host key verification failed", "publickey",
	}
	outageTexts = []string{
		"dial tcp", "i/o timeout", "timed out", "could not resolve host", "connection refused",
		"connection reset", "no such host", "tls handshake", "unexpected eof", "early eof", "remote end hung up",
		"temporary failure", "500 internal", "502 bad gateway", "503 service", "504 gateway", "429 too many",
		"no space left", "disk quota", "executable file not found", "certificate",
	}
	absentTexts = []string{
		"unknown revision", "no matching versions", "not found", "404 not found", "410 gone",
		"unrecognized import path", "does not exist", "invalid version", "malformed module path",
		"cannot find module", "repository does not", "no go-import meta", "reading go.mod at revision",
		"module declares its path as", "missing dot in first path element", "invalid github.com import path",
		"but go.mod", "disallowed version string", "go.mod has", "is not a valid",
	}
)

// kindOfText sorts an error of a go command. An outage that is mentioned together with anything
// else is one: "unrecognized import path: dial tcp: i/o timeout".
func kindOfText(err error) Kind {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Outage
	}
	text := strings.ToLower(err.Error())
	has := func(list []string) bool {
		for _, part := range list {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has(outageTexts):
		return Outage
	case has(forbiddenTexts):
		return Forbidden
	case has(absentTexts):
		return Absent
	}
	return Outage
}

// tidier keeps a sandbox below its quota. Nothing is removed while a go command runs.
type tidier struct {
	root  string
	quota int64

	using sync.RWMutex
	mu    sync.Mutex
	spent time.Duration // by go commands since the sandbox was measured
}

const (
	// measureAfter is after how much time of go commands the sandbox is measured: what takes little
	// time downloads little.
	measureAfter = 20 * time.Second
	// watchEvery is how often it is measured while one go command runs.
	watchEvery = 10 * time.Second
)

// errFull ends go commands that take too much disk.
var errFull = errors.New("the repository takes more disk than there is for all")

// use begins the use of the sandbox, and returns what ends it.
func (t *tidier) use() (done func()) {
	t.using.RLock()
	begin := time.Now()
	return func() {
		t.using.RUnlock()
		t.mu.Lock()
		t.spent += time.Since(begin)
		due := t.spent > measureAfter
		if due {
			t.spent = 0
		}
		t.mu.Unlock()
		if due {
			t.tidy()
		}
	}
}

// watch ends a go command while which the sandbox becomes twice as large as it may be, until stop
// is called.
func (t *tidier) watch(end context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if diskUse(t.root) > 2*t.quota {
					end(errFull)
				}
			}
		}
	}()
	return func() { close(done) }
}

// tidy removes modules when the sandbox is too large, and the clones of repositories as well if
// that does not suffice. The go command makes anew what it needs.
func (t *tidier) tidy() {
	t.using.Lock()
	defer t.using.Unlock()
	if diskUse(t.root) <= t.quota {
		return
	}
	mod := filepath.Join(t.root, "mod")
	for _, name := range []string{"tmp", "build"} {
		empty(filepath.Join(t.root, name))
	}
	list, _ := os.ReadDir(mod)
	for _, d := range list {
		if d.Name() != "cache" {
			_ = osfile.RemoveAll(filepath.Join(mod, d.Name()))
		}
	}
	_ = osfile.RemoveAll(filepath.Join(mod, "cache", "download"))
	if diskUse(t.root) > t.quota {
		_ = osfile.RemoveAll(mod)
	}
}

// diskUse adds up the sizes of all files.
func diskUse(root string) (n int64) {
	_ = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if st, err := d.Info(); err == nil {
			n += st.Size()
		}
		return nil
	})
	return n
}
