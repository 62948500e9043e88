package trim

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/procs"
)

// trimElsewhere trims as the command does, in a container: a process of it sees no go command that
// runs outside. The argument is mod|build|age|size|spare.
func trimElsewhere(arg string) error {
	a := strings.Split(arg, "|")
	age, err := time.ParseDuration(a[2])
	if err != nil {
		return err
	}
	o := Options{ModDir: a[0], BuildDir: a[1], MaxAge: age, Spare: a[4] == "true", Unseen: procs.Unseen()}
	if a[3] == "full" {
		o.MaxSize = 1
	}
	o.Running = goCommands
	_, err = Run(context.Background(), o)
	return err
}

// goCommands lists those that run, as the command does.
func goCommands() (running []GoCommand, err error) {
	list, err := procs.Named(procs.IsGo)
	for _, p := range list {
		at, err := p.Started()
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		g := GoCommand{Name: p.String(), Started: at}
		g.User, _ = p.User()
		running = append(running, g)
	}
	return running, err
}

// inNamespace has a command run in a PID namespace of its own.
func inNamespace(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if out, err := exec.Command("unshare", "-p", "-f", "--mount-proc", "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 {
			t.Fatalf("no PID namespaces: %v: %s", err, out)
		}
		t.Skipf("may not make PID namespaces: %v: %s", err, out)
	}
	in := exec.Command("unshare", append([]string{"-p", "-f", "--mount-proc"}, cmd.Args...)...)
	in.Env = cmd.Env
	return in
}

// heldBuild starts a build of package a, and returns when the go command has loaded all packages
// and waits for its first compiler. finish lets it go on, without a proxy, and returns its error.
// change may change the command.
func heldBuild(t *testing.T, w *world, change ...func(*exec.Cmd)) (finish func() error) {
	t.Helper()
	dir := t.TempDir()
	tool, held, gate := filepath.Join(dir, "tool"), filepath.Join(dir, "held"), filepath.Join(dir, "gate")
	must(t, os.WriteFile(tool, []byte(`#!/bin/sh
case "$*" in *-V=full*) exec "$@";; esac
: > "`+held+`"
while [ ! -e "`+gate+`" ]; do sleep 0.02; done
exec "$@"
`), 0o755))
	must(t, os.WriteFile(filepath.Join(w.proj, "a", "new.go"), []byte("package a\n\nconst New = 1\n"), 0o644))
	cmd := exec.Command("go", "build", "-toolexec="+tool, "./a")
	cmd.Dir = w.proj
	cmd.Env = append(os.Environ(), "GOMODCACHE="+w.mod, "GOCACHE="+w.build, "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local", "GOSUMDB=off")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	for _, c := range change {
		c(cmd)
	}
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	finish = func() error {
		must(t, os.WriteFile(gate, nil, 0o644))
		err := <-ended
		t.Logf("the build: %v %s", err, out.String())
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(held); err == nil {
			return finish
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			t.Fatalf("no compiler is waiting: %v", finish())
		}
	}
}

// TestOtherNamespace: a build runs, and trim in another PID namespace does not see it. What it has
// looked up stays, also where no mark of that was made because there was a younger one. Without
// that care the same build fails, which shows that the test can.
func TestOtherNamespace(t *testing.T) {
	osfiletest.NeedCompiler(t)
	for _, tt := range []struct {
		name   string
		old    time.Duration // how long ago everything was used before the build
		age    string        // --max-age
		full   string        // a bound of the size that nothing fits in
		spare  string
		builds bool
	}{
		{"used half an hour ago, no room", 30 * time.Minute, "0s", "full", "true", true},
		{"the same without care", 30 * time.Minute, "0s", "full", "false", false},
		{"used days ago, trimmed by age", 4 * day, "72h", "", "true", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.age != "0s" {
				needReads(t)
			}
			w := newWorld(t)
			w.age(tt.old)
			finish := heldBuild(t, w)
			cmd := inNamespace(t, osfiletest.Command(t, "elsewhere", strings.Join([]string{w.mod, w.build, tt.age, tt.full, tt.spare}, "|")))
			out, err := cmd.CombinedOutput()
			if built := finish() == nil; built != tt.builds || err != nil {
				t.Errorf("built: %v, want %v; trim: %v %s", built, tt.builds, err, out)
			}
			if tt.age != "0s" && w.has(semver) {
				t.Error("nothing was trimmed")
			}
		})
	}
}

// TestBeside: a build runs, and trim sees it and goes on. What the build has looked up stays, also
// if it has been running for longer than a build that is not seen may take; the rest goes. With the
// care for builds that are not seen alone, the long one fails, which shows that the test can.
func TestBeside(t *testing.T) {
	osfiletest.NeedCompiler(t)
	for _, tt := range []struct {
		name    string
		old     time.Duration // how long ago everything was used before the build
		age     time.Duration // --max-age
		size    int64         // a bound of the size
		runs    time.Duration // for how long the build has been running
		running bool          // whether trim looks for go commands
		builds  bool
	}{
		{"used days ago, trimmed by age", 4 * day, 3 * day, 0, 0, true, true},
		{"a build that takes 30 hours, no room", 10 * time.Minute, 0, 1, 30 * time.Hour, true, true},
		{"the same if it is not seen", 10 * time.Minute, 0, 1, 30 * time.Hour, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.age > 0 {
				needReads(t)
			}
			w := newWorld(t)
			w.age(tt.old)
			begin := time.Now().Add(-time.Second)
			finish := heldBuild(t, w)
			o := w.options()
			o.MaxAge, o.MaxSize, o.Spare = tt.age, tt.size, true
			o.Now = func() time.Time { return time.Now().Add(tt.runs) }
			if tt.running {
				o.Running = func() ([]GoCommand, error) {
					list, err := goCommands() // others of this machine may be older than the build
					return slices.DeleteFunc(list, func(g GoCommand) bool { return g.Started.Before(begin) }), err
				}
			}
			res, err := Run(t.Context(), o)
			if built := finish() == nil; built != tt.builds || err != nil {
				t.Errorf("built: %v, want %v; trim: %v, %+v", built, tt.builds, err, res)
			}
			if gone := !w.has(semver); gone != (tt.old >= day || !tt.running) || gone && res.Build.Dropped.Count == 0 {
				t.Errorf("what nobody uses is gone: %v; %+v", gone, res)
			}
			if tt.running && tt.size > 0 && !strings.Contains(strings.Join(res.Warnings, "\n"), "such as process ") {
				t.Errorf("warnings: %q", res.Warnings)
			}
		})
	}
}

// TestNamespaceBelow: the machine sees builds in containers.
func TestNamespaceBelow(t *testing.T) {
	program := filepath.Join(t.TempDir(), "go")
	data, err := os.ReadFile("/bin/cat")
	must(t, err)
	must(t, os.WriteFile(program, data, 0o755))
	cmd := inNamespace(t, exec.Command(program))
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() {
		in.Close() // cat ends, and unshare with it
		cmd.Wait()
	}()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		list, err := procs.Named(procs.IsGo)
		must(t, err)
		for _, p := range list {
			if exe, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.PID), "exe")); exe == program {
				return
			}
		}
	}
	t.Error("a go command in a container is not seen")
}
