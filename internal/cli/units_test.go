package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/restore"
)

func TestGoEnv(t *testing.T) {
	e := goEnv{
		GOPRIVATE: "a.example,*.b.example", GONOPROXY: "a.example,*.b.example", GONOSUMDB: "c.example, ,",
		GOFLAGS: "-trimpath -modcacherw", GOCACHE: "off", GOMODCACHE: "/mod/",
	}
	if got, want := e.private(), "a.example,*.b.example,c.example"; got != want {
		t.Errorf("private patterns %q, want %q", got, want)
	}
	if !e.modWritable() {
		t.Error("-modcacherw is not recognized")
	}
	e.GOFLAGS = "-modcacherw=true --modcacherw=false"
	if e.modWritable() {
		t.Error("-modcacherw=false is not recognized")
	}
	if e.buildDir() != "" {
		t.Errorf("GOCACHE=off is directory %q", e.buildDir())
	}
	if got := e.insideSkips(); len(got) != 1 {
		t.Errorf("skips %q, want the module cache only", got)
	}
}

func TestHints(t *testing.T) {
	tests := map[string]error{
		"install Go":                 &exec.Error{Name: "go", Err: exec.ErrNotFound},
		"check the credential":       store.ErrDenied,
		"give the job credentials: ": store.ErrNoCredentials,
		"create the bucket":          store.ErrNoStore,
		"set TMPDIR":                 fmt.Errorf("%w: %w", errNoTemp, fs.ErrPermission),
		"name the directory":         errNoModule,
		"check the endpoint":         errors.Join(store.ErrUnreachable, context.DeadlineExceeded),
		"free space":                 &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC},
		"make GOMODCACHE":            &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES},
		"raise --timeout":            context.DeadlineExceeded,
		"":                           errors.New("else"),
	}
	for want, err := range tests {
		if got := hintFor(fmt.Errorf("wrapped: %w", err)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("hint for %v is %q, want %q...", err, got, want)
		}
	}
}

// TestHintsOfDirectories: a store that is a directory has no bucket and no credentials.
func TestHintsOfDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := dir.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Stat(t.Context(), "x")
	if hint := hintFor(err); !errors.Is(err, store.ErrNoStore) || !strings.HasPrefix(hint, "name in --store a directory") {
		t.Errorf("%v: %s", err, hint)
	}
}

// TestTimedOut: to other packages, the end of --timeout looks like any deadline, but the deadline
// of a connection does not count as the end of --timeout.
func TestTimedOut(t *testing.T) {
	ctx, cancel := withTimeout(t.Context(), 1)
	defer cancel()
	<-ctx.Done()
	if !isTimedOut(ctx) || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) || !store.IsFailure(context.Cause(ctx)) {
		t.Errorf("%v", context.Cause(ctx))
	}
	connection := fmt.Errorf("dial: %w", context.DeadlineExceeded)
	if errors.Is(connection, errTimedOut) || errors.Is(errTimedOut, context.Canceled) {
		t.Error("another end counts as that of --timeout")
	}
}

func TestFinish(t *testing.T) {
	failed, background := errors.New("failed"), context.Background()
	gone, cancel := context.WithCancel(background)
	cancel()
	late, cancel := context.WithTimeoutCause(background, 0, errTimedOut)
	defer cancel()
	tests := []struct {
		ctx         context.Context
		err         error
		failOnError bool
		code        int
	}{
		{background, nil, true, config.ExitOK},
		{background, failed, false, config.ExitOK},
		{background, failed, true, config.ExitFailed},
		{background, failed, true, config.ExitFailed},
		// the error of a killed program does not say why it was killed
		{gone, failed, false, config.ExitInterrupted},
		{gone, nil, false, config.ExitOK},
		{background, usage.Errorf("wrong"), false, config.ExitUsage},
		{late, failed, false, config.ExitOK},
		{late, failed, true, config.ExitFailed},
	}
	for _, tt := range tests {
		var stderr bytes.Buffer
		e := &ending{command: "save", out: &console{stderr: &stderr}, failOnError: tt.failOnError, timeout: time.Minute}
		code := config.ExitOK
		var f failure
		if err := e.finish(tt.ctx, tt.err); err != nil {
			f = asFailure(err)
			code = f.code
		}
		if isTimedOut(tt.ctx) && !strings.Contains(stderr.String()+fmt.Sprint(f.err), "not done within 1m") {
			t.Errorf("the message %q %v does not mention the time", stderr.String(), f.err)
		}
		warned := strings.HasPrefix(stderr.String(), "gocache: warning: ")
		if code != tt.code || warned != (tt.err != nil && code == config.ExitOK) {
			t.Errorf("finish(%v) with --fail-on-error=%v: code %d, want %d; printed %q",
				tt.err, tt.failOnError, code, tt.code, stderr.String())
		}
	}
}

// TestInterrupted: the cause is named once, with what was being done; another error beside it as
// well. A save speaks of uploads only if there were some.
func TestInterrupted(t *testing.T) {
	cause := errors.New("terminated signal received")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	meter := func(phase string, uploaded int64) *report.Meter {
		m := new(report.Meter)
		m.SetPhase(phase)
		m.Transfer("packs", uploaded)
		return m
	}
	for _, c := range []struct {
		command string
		meter   *report.Meter
		err     error
		want    string
	}{
		{"restore", nil, fmt.Errorf("go env GOTOOLCHAIN: %w", context.Canceled), "restore interrupted (terminated signal received): what it restored is whole, the next restore completes it"},
		{"save", meter("read", 0), cause, "save interrupted (terminated signal received) while reading what is new: the snapshot from before stays"},
		{"save", meter("upload", 9), fmt.Errorf("object x: %w", cause), "save interrupted (terminated signal received) while uploading: the snapshot from before stays, and the next save uses what was uploaded completely"},
		{"rebuild", nil, fmt.Errorf("as they were: %w", context.Canceled), "rebuild interrupted (terminated signal received): as they were: context canceled"},
		{"restore", meter("restore", 0), errors.Join(context.Canceled, &install.LocalError{Err: errors.New("disk full")}), "restore interrupted (terminated signal received) while restoring: what it restored is whole, the next restore completes it: context canceled\ndisk full"},
		{"restore", nil, errors.Join(context.Canceled, fmt.Errorf("build cache: %w", restore.ErrNoRoom)), "restore interrupted (terminated signal received): what it restored is whole, the next restore completes it: context canceled\nbuild cache: not enough space"},
		{"verify", meter("a new phase", 0), cause, "verify interrupted (terminated signal received) while a new phase: with --store and --resume, the next one goes on"},
		{"gc", meter("sweep", 0), errors.New("disk full"), "gc interrupted (terminated signal received) while removing objects: what it removed was due, and the next gc goes on: disk full"},
	} {
		e := &ending{command: c.command, out: &console{stderr: new(bytes.Buffer)}}
		e.meter.Store(c.meter)
		err := e.finish(ctx, c.err)
		if f := asFailure(err); f.code != config.ExitInterrupted || f.err.Error() != c.want {
			t.Errorf("code %d, %v, want %s", f.code, f.err, c.want)
		}
	}
}

// TestDoing: there are words for the phases of all commands.
func TestDoing(t *testing.T) {
	phase := regexp.MustCompile(`\.SetPhase\("([^"]+)"\)`)
	n := 0
	for _, root := range []string{"../../restore", "../../save", "../../gc", "../../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			for _, m := range phase.FindAllStringSubmatch(string(data), -1) {
				if n++; doing[m[1]] == "" {
					t.Errorf("%s: no words for the phase %q", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 20 {
		t.Errorf("only %d phases found", n)
	}
}

// TestNoSecrets: a job that gets no secrets is not warned that it has none, unless it wants to
// fail.
func TestNoSecrets(t *testing.T) {
	none := fmt.Errorf("%w: %w", store.ErrDenied, store.ErrNoCredentials)
	for _, c := range []struct {
		reason      string
		err         error
		failOnError bool
		want        string
	}{
		{"the pull request comes from a fork", none, false, "gocache: the pull request comes from a fork: it gets no secrets, and runs without this cache\n"},
		{"the pull request comes from a fork", store.ErrDenied, false, "gocache: warning: access denied"},
		{"the pull request comes from a fork", none, true, ""},
		{"", none, false, "gocache: warning: "},
	} {
		var stderr bytes.Buffer
		e := &ending{command: "restore", out: &console{stderr: &stderr}, failOnError: c.failOnError, noSecrets: func() string { return c.reason }}
		err := e.finish(t.Context(), c.err)
		if !strings.HasPrefix(stderr.String(), c.want) || c.want == "" && stderr.Len() > 0 || (err != nil) != c.failOnError {
			t.Errorf("%+v: %v, %q", c, err, stderr.String())
		}
	}
}

func TestConsole(t *testing.T) {
	var stderr bytes.Buffer
	c := &console{stderr: &stderr}
	c.warn(errors.New("first\nsecond.\n"), "do this")
	want := "gocache: warning: first\n\tsecond\ngocache: hint: do this\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestToolCounter feeds the output of `go build -x`, in pieces as they come through a pipe.
func TestToolCounter(t *testing.T) {
	const out = `WORK=/tmp/go-build1
cat >/tmp/go-build1/b064/importcfg.link << 'EOF' # internal
packagefile example.com/tool/link/compile=/c/b8/b82b-d
/usr/local/go/pkg/tool/linux_amd64/compile -o $WORK/b001/_pkg_.a -trimpath "$WORK/b001=>" -p example.com/m -pack ./m.go
GOROOT='/usr/local/go' /usr/local/go/pkg/tool/linux_amd64/link -o $WORK/b001/exe/a.out
/usr/local/go/pkg/tool/linux_amd64/asm -p example.com/n -trimpath x
"C:\\Program Files\\Go\\pkg\\tool\\windows_amd64\\compile.exe" -o x -p example.com/w
/usr/local/go/pkg/tool/linux_amd64/vet -unsafeptr=false
mv $WORK/b001/exe/a.out m
`
	want := tryBuild{Compiled: 3, Linked: 1, packages: []string{"example.com/m", "example.com/n", "example.com/w"}}
	for _, step := range []int{1, 7, 100, len(out)} {
		c := new(toolCounter)
		for i := 0; i < len(out); i += step {
			c.Write([]byte(out[i:min(i+step, len(out))]))
		}
		got := tryBuild{Compiled: c.compiled, Linked: c.linked, packages: c.packages}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(tryBuild{})); diff != "" {
			t.Errorf("in pieces of %d: -want +got\n%s", step, diff)
		}
	}
}
