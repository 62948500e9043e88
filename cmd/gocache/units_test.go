package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/store"
)

func TestDuration(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		show string
	}{
		{"14d", 14 * 24 * time.Hour, "14d"},
		{"2w", 14 * 24 * time.Hour, "14d"},
		{"1d12h", 36 * time.Hour, "36h"},
		{"1w1d1h1m", 8*24*time.Hour + time.Hour + time.Minute, "193h1m"},
		{"0.5d", 12 * time.Hour, "12h"},
		{"90s", 90 * time.Second, "1m30s"},
		{"10m", 10 * time.Minute, "10m"},
		{"0", 0, "0s"},
	}
	for _, tt := range tests {
		var d duration
		if err := d.Set(tt.in); err != nil || time.Duration(d) != tt.want || d.String() != tt.show {
			t.Errorf("%q: %v %q %v, want %v %q", tt.in, time.Duration(d), d.String(), err, tt.want, tt.show)
		}
	}
	for _, in := range []string{"", "d", "-1d", "-5m", "1h1d", "1d1w", "NaNd", "Infd", "99999999d", "5", "x", "0.1ns", "0.000000000000000000001d", "+1d", "-0s", "1e3d", "0x1p3d", "1_0d"} {
		var d duration
		if err := d.Set(in); err == nil {
			t.Errorf("%q is accepted as %v", in, time.Duration(d))
		}
	}
}

// FuzzDuration: what is accepted is not negative, and can be read back.
func FuzzDuration(f *testing.F) {
	f.Add("1w2d3h")
	f.Add("36500d2562047h")
	f.Fuzz(func(t *testing.T, s string) {
		var d, back duration
		if d.Set(s) != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q is %v", s, time.Duration(d))
		}
		if err := back.Set(d.String()); err != nil || back != d {
			t.Errorf("%q shows as %q, which is %v, %v", s, d.String(), back, err)
		}
	})
}

func TestSize(t *testing.T) {
	for in, want := range map[string]struct {
		bytes int64
		show  string
	}{"500MB": {500_000_000, "477MiB"}, "2GiB": {2 << 30, "2.0GiB"}, "1048576": {1 << 20, "1.0MiB"}, "0": {0, "0"}, "1.5GiB": {3 << 29, "1.5GiB"}, "1 kb": {1000, "1000B"}, "0.3KiB": {307, "307B"}, "2.0": {2, "2B"}} {
		var s size
		if err := s.Set(in); err != nil || int64(s) != want.bytes || s.String() != want.show {
			t.Errorf("%q: %d %q %v, want %d %q", in, s, s.String(), err, want.bytes, want.show)
		}
	}
	for _, in := range []string{"", "x", "-1", "3x", "99EB99", "0.5", "1.5B", "0.0001KB", "1,5GB", "1e3", "+1", "NaN", "Inf", "9EiB", "1GB ", "5i"} {
		var s size
		if err := s.Set(in); err == nil {
			t.Errorf("%q is accepted as %d", in, s)
		}
	}
}

func TestRepoName(t *testing.T) {
	tests := map[string]string{
		"https://github.com/Org/name.git":              "github.com/Org/name",
		"https://github.com/org/name/":                 "github.com/org/name",
		"https://user:sesame@GitHub.com:8443/org/name": "github.com/org/name",
		"ssh://git@github.com:22/org/name.git":         "github.com/org/name",
		"git@github.com:org/name.git":                  "github.com/org/name",
		"github.com:org/name":                          "github.com/org/name",
		"git@[::1]:org/name":                           "::1/org/name",
		"https://[::1]:8443/org/name":                  "::1/org/name",
		"https://token@dev.azure.com/org/p/_git/name":  "dev.azure.com/org/p/_git/name",
		"https://host/org/name.git?token=sesame#x":     "host/org/name",
		"file:///srv/git/name.git":                     "srv/git/name",
		"/srv/git/name.git":                            "srv/git/name",
		"../name":                                      "../name",
		`C:/git/name`:                                  "C:/git/name",
		"":                                             "",
		"https://%zz":                                  "",
	}
	for in, want := range tests {
		if got := repoName(in); got != want {
			t.Errorf("repoName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGoEnv(t *testing.T) {
	e := goEnv{
		GOPRIVATE: "a.example,*.b.example", GONOPROXY: "a.example,*.b.example", GONOSUMDB: "c.example, ,",
		GOFLAGS: "-trimpath -modcacherw", GOCACHE: "off", GOMODCACHE: "/mod/",
	}
	if got, want := e.private(), "a.example,*.b.example,c.example"; got != want {
		t.Errorf("private patterns %q, want %q", got, want)
	}
	if !e.modWritable() {
		t.Error("-modcacherw is not seen")
	}
	e.GOFLAGS = "-modcacherw=true --modcacherw=false"
	if e.modWritable() {
		t.Error("-modcacherw=false is not seen")
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
		"install Go":           &exec.Error{Name: "go", Err: exec.ErrNotFound},
		"check the credential": store.ErrDenied,
		"create the bucket":    store.ErrNoStore,
		"check the endpoint":   errors.Join(store.ErrUnreachable, context.DeadlineExceeded),
		"free space":           &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC},
		"make GOMODCACHE":      &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES},
		"raise --timeout":      context.DeadlineExceeded,
		"":                     errors.New("else"),
	}
	for want, err := range tests {
		if got := hintFor(fmt.Errorf("wrapped: %w", err)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("hint for %v is %q, want %q...", err, got, want)
		}
	}
}

func TestFinish(t *testing.T) {
	failed, background := errors.New("failed"), context.Background()
	gone, cancel := context.WithCancel(background)
	cancel()
	late, cancel := context.WithTimeoutCause(background, 0, errTimedOut)
	defer cancel()
	tests := []struct {
		ctx       context.Context
		err       error
		failError bool
		always    bool
		code      int
	}{
		{background, nil, true, true, exitOK},
		{background, failed, false, false, exitOK},
		{background, failed, true, false, exitFailed},
		{background, failed, false, true, exitFailed},
		// a program that was killed says so, and not why
		{gone, failed, false, false, exitInterrupted},
		{gone, nil, false, false, exitOK},
		{background, usage("wrong"), false, false, exitUsage},
		{late, failed, false, false, exitOK},
		{late, failed, false, true, exitFailed},
	}
	for _, tt := range tests {
		var stderr bytes.Buffer
		a := &app{out: &console{stderr: &stderr}, flags: flags{failError: tt.failError, timeout: duration(time.Minute)}}
		code := exitOK
		var f failure
		if err := a.finish(tt.ctx, tt.err, tt.always); errors.As(err, &f) {
			code = f.code
		}
		if isTimedOut(tt.ctx) && !strings.Contains(stderr.String()+fmt.Sprint(f.err), "not done within 1m") {
			t.Errorf("the message %q %v does not tell of the time", stderr.String(), f.err)
		}
		warned := strings.HasPrefix(stderr.String(), "gocache: warning: ")
		if code != tt.code || warned != (tt.err != nil && code == exitOK) {
			t.Errorf("finish(%v, %v) with --fail-on-error=%v: code %d, want %d; printed %q",
				tt.err, tt.always, tt.failError, code, tt.code, stderr.String())
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

// TestToolCounter feeds what `go build -x` prints, in pieces as they come through a pipe.
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
