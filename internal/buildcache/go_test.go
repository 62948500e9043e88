package buildcache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/stdtest"
)

// project is a module with a test and a program, built with the real go command.
type project struct {
	t   *testing.T
	dir string
}

func newProject(t *testing.T) project {
	t.Helper()
	p := project{t, t.TempDir()}
	for name, text := range map[string]string{
		"go.mod":      "module example.com/p\n\ngo 1.26\n",
		"main.go":     "package main\n\nfunc main() { println(answer()) }\n\nfunc answer() int { return 42 }\n",
		"p_test.go":   "package main\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { if answer() != 42 { t.Fail() } }\n",
		"sub/sub.go":  "// Package sub is nothing.\npackage sub\n",
		"sub/sub2.go": "package sub\n\n// X is a number.\nconst X = 1\n",
	} {
		path := filepath.Join(p.dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// run runs a go command with the cache and returns its output.
func (p project) run(c *Cache, args ...string) string {
	p.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "GOCACHE="+c.dir, "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// copyTo restores everything in src to dst, aged.
func copyTo(t *testing.T, dst, src *Cache, now time.Time) *Inventory {
	t.Helper()
	inv := scan(t, src)
	if err := dst.Prepare(now); err != nil {
		t.Fatal(err)
	}
	for _, o := range inv.Outputs {
		w, err := dst.CreateOutput(o, AgedTime(time.Unix(0, o.Time), now))
		if errors.Is(err, ErrPresent) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := src.OpenOutput(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(w, f)
		if err = errors.Join(err, f.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range inv.Entries {
		if err := dst.PutAction(e.Entry, AgedTime(time.Unix(0, e.ActionTime), now)); err != nil {
			t.Fatal(err)
		}
	}
	return inv
}

// TestRealCache copies what the go command cached. The go command must then compile nothing, find
// its test results and the program of "go run", and mark what it uses.
func TestRealCache(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a project and its test")
	}
	p := newProject(t)
	src, dst := Open(filepath.Join(t.TempDir(), "src")), Open(filepath.Join(t.TempDir(), "dst"))
	if err := stdtest.Fill(src.dir); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // a test result is not cached while a file is younger than that
	p.run(src, "build", "-o", os.DevNull, "./...")
	p.run(src, "vet", "./...")
	p.run(src, "test", "./...")
	p.run(src, "run", ".")
	p.run(src, "tool", "-n", "fix") // fails if there is no such tool
	inv := copyTo(t, dst, src, time.Now())
	programs := 0
	for _, o := range inv.Outputs {
		if o.Exec != "" {
			programs++
		}
	}
	if len(inv.Entries) == 0 || programs == 0 || len(inv.Broken) > 0 {
		t.Fatalf("%d entries, %d programs, broken: %v", len(inv.Entries), programs, inv.Broken)
	}
	described := map[string]bool{}
	for _, o := range inv.Outputs {
		kind, name := src.Describe(o)
		described[string(kind)+" "+name] = true
		if o.Exec != "" && (kind != goentry.KindProgram || name != o.Exec) {
			t.Errorf("program %s is described as %s %s", o.Exec, kind, name)
		}
	}
	for _, want := range []string{"package example.com/p/sub", "package main", "package internal/abi", "package index ", "test log ", "test result ", "vet facts "} {
		if !described[want] {
			t.Errorf("no output is described as %q, but as %v", want, described)
		}
	}
	restored := scan(t, dst)
	if len(restored.Entries) != len(inv.Entries) || len(restored.Broken) > 0 {
		t.Fatalf("%d of %d entries restored, broken: %v", len(restored.Entries), len(inv.Entries), restored.Broken)
	}
	for _, args := range [][]string{{"build", "-x", "-o", os.DevNull, "./..."}, {"vet", "-x", "./..."}} {
		if out := p.run(dst, args...); strings.Contains(out, "compile"+exe()+" -o") {
			t.Errorf("go %v compiles:\n%s", args, out)
		}
	}
	if out := p.run(dst, "test", "./..."); !strings.Contains(out, "(cached)") {
		t.Errorf("test result is not cached:\n%s", out)
	}
	if out := p.run(dst, "run", "-x", "."); strings.Contains(out, "link"+exe()+" -o") {
		t.Errorf("go run links:\n%s", out)
	}
	var used int
	for _, e := range scan(t, dst).Entries {
		if time.Since(time.Unix(0, e.ActionTime)) < time.Hour {
			used++
		}
	}
	if used == 0 {
		t.Error("no entry is marked as used")
	}
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// writeKilled copies the outputs of a cache, the one with the given ID last, and kills itself at
// step n of copying that one. arg is source, destination, ID and n.
func writeKilled(arg string) error {
	f := strings.Split(arg, "|")
	src, dst := Open(f[0]), Open(f[1])
	last, err := digest.Parse(f[2])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(f[3])
	if err != nil {
		return err
	}
	inv, err := src.Scan(context.Background(), ScanOptions{Fuzz: true})
	if err != nil {
		return err
	}
	for _, o := range inv.Outputs {
		if o.ID != last {
			if err := copyInTwo(dst, src, o, func() {}); err != nil {
				return err
			}
		}
	}
	o, _ := inv.Output(last)
	return copyInTwo(dst, src, o, func() {
		if n--; n == 0 {
			if p, err := os.FindProcess(os.Getpid()); err == nil && p.Kill() == nil {
				time.Sleep(time.Minute)
			}
		}
	})
}

// copyInTwo calls step after each step of the copy.
func copyInTwo(dst, src *Cache, o Output, step func()) error {
	f, err := src.OpenOutput(o)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	w, err := dst.CreateOutput(o, time.Now().Add(-2*time.Hour))
	if err != nil {
		return err
	}
	step()
	_, err = w.Write(data[:len(data)/2])
	step()
	_, err2 := w.Write(data[len(data)/2:])
	step()
	return errors.Join(err, err2, w.Close())
}

// TestKilled kills the copy of a package and of a program at each step. All action entries are
// there before that, which is the hardest case: they name a partial output.
func TestKilled(t *testing.T) {
	osfiletest.NeedCompiler(t)
	p := newProject(t)
	src := Open(filepath.Join(t.TempDir(), "src"))
	if err := stdtest.FillFor(src.dir, func() { p.run(src, "run", ".") }); err != nil {
		t.Fatal(err)
	}
	var program, compiled Output
	for _, o := range scan(t, src).Outputs {
		if o.Exec != "" {
			program = o
		} else if o.Size > compiled.Size && o.Size < 200_000 { // larger ones take long to compile again
			compiled = o
		}
	}
	for _, o := range []Output{program, compiled} {
		for n := range 3 {
			t.Run(fmt.Sprintf("%s%d", o.Exec, n+1), func(t *testing.T) {
				testKilled(project{t, p.dir}, src, o, n+1)
			})
		}
	}
}

func testKilled(p project, src *Cache, o Output, n int) {
	dst := Open(filepath.Join(p.t.TempDir(), "dst"))
	if err := dst.Prepare(time.Now()); err != nil {
		p.t.Fatal(err)
	}
	for _, e := range scan(p.t, src).Entries {
		if err := dst.PutAction(e.Entry, time.Now()); err != nil {
			p.t.Fatal(err)
		}
	}
	cmd := osfiletest.Command(p.t, "killed", fmt.Sprintf("%s|%s|%s|%d", src.dir, dst.dir, o.ID, n))
	if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 {
		p.t.Fatalf("child was not killed: %v\n%s", err, out)
	}
	_, there := scan(p.t, dst).Find(o.ID)
	if whole := len(scan(p.t, dst).Broken) == 0; whole != (n == 3 && there) {
		p.t.Fatalf("killed at step %d: cache is whole: %v", n, whole)
	}
	if out := p.run(dst, "run", "."); out != "42\n" {
		p.t.Errorf("go run prints %q", out)
	}
	copyTo(p.t, dst, src, time.Now())
	if inv := scan(p.t, dst); len(inv.Broken) > 0 {
		p.t.Errorf("broken after a second copy: %v", inv.Broken)
	}
}

// TestKilledPartial: whenever a process that assembles outputs is killed, the go command works, no
// partial output has its final name, and the next restore completes the outputs.
func TestKilledPartial(t *testing.T) {
	for _, exec := range []string{"", "tool"} {
		for n := range 4 {
			c := newCache(t)
			o := Output{ID: sha256.Sum256([]byte(partialData)), Size: int64(len(partialData)), Exec: exec}
			if err := c.PutAction(Entry{Action: testID(1), Output: o.ID, Size: o.Size}, testTime); err != nil {
				t.Fatal(err)
			}
			cmd := osfiletest.Command(t, "killed-partial", fmt.Sprintf("%s|%s|%d", c.dir, exec, n+1))
			if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 {
				t.Fatalf("child was not killed: %v\n%s", err, out)
			}
			inv := scan(t, c)
			if whole := n == 3; (len(inv.Entries) == 1) != whole || (len(inv.Partial) == 0) != whole {
				t.Errorf("killed at step %d: %+v", n+1, inv)
			}
			p := newPartials(t, c)
			if n < 3 {
				beginPartial(t, p, exec)
				endPartial(t, p, o)
				if err := p.Place(o, testTime); err != nil {
					t.Fatal(err)
				}
			}
			if inv := scan(t, c); len(inv.Entries) != 1 || len(inv.Broken) > 0 {
				t.Errorf("after step %d and a second restore: %+v", n+1, inv)
			}
		}
	}
}

// killPartial assembles an output and is killed after a number of steps.
func killPartial(arg string) error {
	f := strings.Split(arg, "|")
	n, err := strconv.Atoi(f[2])
	if err != nil {
		return err
	}
	step := func() {
		if n--; n == 0 {
			if p, err := os.FindProcess(os.Getpid()); err == nil && p.Kill() == nil {
				time.Sleep(time.Minute)
			}
		}
	}
	p := Open(f[0]).NewPartials()
	o := Output{ID: sha256.Sum256([]byte(partialData)), Size: int64(len(partialData)), Exec: f[1]}
	file, err := p.Create(o)
	if err != nil {
		return err
	}
	step()
	_, err = file.WritePartsAt(4, []byte(partialData)[4:]) // now it has its full size, with a hole
	step()
	_, err2 := file.WritePartsAt(0, []byte(partialData)[:4])
	err = errors.Join(err, err2, file.Close())
	step()
	err = errors.Join(err, p.Place(o, testTime))
	step()
	return err
}
