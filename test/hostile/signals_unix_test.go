//go:build unix

package hostile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

var endSignals = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}

// signalled sends a signal to a command when isTime returns true, and demands that it ends within 5
// s, or a little later on a busy machine, and says what was interrupted. It returns false if the
// command had already ended.
func signalled(t *testing.T, m *machine, s syscall.Signal, isTime func() bool, command string, more ...string) bool {
	t.Helper()
	r, err := start(m.cmd(command, more...))
	e2etest.Must(t, err)
	eventually(t, command+" at work", func() bool {
		select {
		case <-r.done:
			return true
		default:
			return isTime()
		}
	})
	sent := time.Now()
	r.Process.Signal(s)
	e := r.wait()
	if e.code == 0 {
		return false
	}
	// What hangs keeps a command for 4.5 s.
	if took := time.Since(sent); took > 5*time.Second && took > 6*time.Second+10*max(0, startNow(t)-idleStart) {
		t.Errorf("%s ended %v after %v: %v", command, took, s, e)
	}
	if says := fmt.Sprintf("gocache: error: %s interrupted (%v signal received)", command, s); e.code != 130 || !strings.Contains(e.stderr, says) {
		t.Errorf("%s: want code 130 and %q: %v", command, says, e)
	}
	return true
}

// TestSignalOnS3: a save and a restore that get SIGINT or SIGTERM in the middle of a transfer abort
// their uploads and end within 5 s. The store holds the previous snapshot, the caches are whole,
// and a rerun completes.
func TestSignalOnS3(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	for i, s := range endSignals {
		net := network(t, g)
		name := "signal-" + strconv.Itoa(i)
		url, st := bucket(t, g, name, net.Endpoint)
		m := newMachine(t, url+smallParts)
		m.env = g.Env()
		fill(t, m.build, 1, 3, 100<<10)
		m.must(t, "save")
		fill(t, m.build, 2, 8, 8<<20)
		toxic(t, net, "bandwidth", "upstream", `"rate":2000`) // KB/s on each connection
		uploads := filepath.Join(g.DataDir, name, ".sgwtmp", "multipart", "*", "*")
		if !signalled(t, m, s, func() bool { return glob(uploads, "*") || glob(uploads) }, "save") {
			t.Error("save was done before it was signalled")
		}
		if n := unfinished(t, st); n > 0 {
			t.Errorf("%v: %d unfinished uploads", s, n)
		}
		e2etest.Must(t, net.Remove())
		old := m.fresh(t)
		if old.must(t, "restore"); whole(t, old.build) != 3 {
			t.Error("the snapshot from before is not whole")
		}
		if m.must(t, "save"); whole(t, m.build) != 11 {
			t.Error("the caches of save changed")
		}
		toxic(t, net, "bandwidth", "downstream", `"rate":3000`)
		r := m.fresh(t)
		if !signalled(t, r, s, func() bool { return glob(r.build, "*", "*-d") }, "restore") {
			t.Error("restore was done before it was signalled")
		}
		if n := whole(t, r.build); n >= 11 {
			t.Errorf("%d entries were there already", n)
		}
		e2etest.Must(t, net.Remove())
		if r.must(t, "restore"); whole(t, r.build) != 11 {
			t.Error("the rerun did not complete")
		}
	}
}

// TestSignalOnDirectory tests the same with a store in a directory. Such a store is fast, so it can
// take several tries to be in time: the first of many small modules are there long before the
// packs.
func TestSignalOnDirectory(t *testing.T) {
	t.Parallel()
	for _, s := range endSignals {
		root := filepath.Join(t.TempDir(), "store")
		m := newMachine(t, dirURL(root))
		m.modules(t, 20)
		fill(t, m.build, 1, 24, 4<<20)
		inTime := func(command string, m *machine, isTime func() bool, reset func()) {
			for try := 0; !signalled(t, m, s, isTime, command); try++ {
				if try == 10 {
					t.Fatalf("%s was always done before it was signalled", command)
				}
				reset()
			}
		}
		inTime("save", m, func() bool { return glob(root, "v2", "modules") }, func() { os.RemoveAll(root) })
		if left, _ := filepath.Glob(filepath.Join(root, ".#store", "tmp", "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		m.must(t, "save")
		r := m.fresh(t)
		inTime("restore", r, func() bool { return glob(r.build, "*", "*-d") }, func() { os.RemoveAll(r.build); os.RemoveAll(r.mod) })
		whole(t, r.build)
		if r.must(t, "restore"); whole(t, r.build) != 24 {
			t.Error("the rerun did not complete")
		}
	}
}

// TestSignalWhileStoreHangs: a save whose requests hang, including those that abort its uploads,
// ends within 5 s after a signal, and at once after a second one.
func TestSignalWhileStoreHangs(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	for _, second := range []bool{false, true} {
		net := network(t, g)
		name := fmt.Sprint("hangs-", second)
		url, _ := bucket(t, g, name, net.Endpoint)
		m := newMachine(t, url+smallParts)
		m.env = g.Env()
		fill(t, m.build, 1, 8, 8<<20)
		toxic(t, net, "bandwidth", "upstream", `"rate":500`)
		uploads := filepath.Join(g.DataDir, name, ".sgwtmp", "multipart", "*", "*")
		hang := func() bool {
			if !glob(uploads) {
				return false
			}
			e2etest.Must(t, net.Remove())
			toxic(t, net, "stall", "upstream", `"bytes":0`)
			return true
		}
		if !second {
			signalled(t, m, syscall.SIGTERM, hang, "save")
			continue
		}
		r, err := start(m.cmd("save"))
		e2etest.Must(t, err)
		eventually(t, "save at work", hang)
		r.Process.Signal(syscall.SIGTERM)
		time.Sleep(500 * time.Millisecond)
		select {
		case <-r.done:
			t.Fatalf("save ended at the first signal, so there is nothing to test: %v", r.wait())
		default:
		}
		// A second one may come before the first was noticed on a busy machine; a save that none of
		// these ends ends by itself, with an exit code.
		for range 100 {
			r.Process.Signal(syscall.SIGTERM)
			select {
			case <-r.done:
			case <-time.After(50 * time.Millisecond):
				continue
			}
			break
		}
		if e := r.wait(); e.code != -1 {
			t.Errorf("after the second signal: %v", e)
		}
	}
}

// hangingGo makes a directory with a go command that starts another process and never ends, for
// some of its subcommands. The IDs of both processes are written to file.
func hangingGo(t *testing.T, subcommand string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "pids")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$1\" in %s) ;; *) PATH=${PATH#*:}; exec go \"$@\";; esac\nsleep 300 &\necho $! >>%s\necho $$ >>%s\nwait\n", subcommand, file, file)
	e2etest.Must(t, os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755))
	return dir, file
}

// nothingLingers demands that all processes whose IDs are in a file are gone.
func nothingLingers(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("the go command was not asked: %v", err)
	}
	for line := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(line)
		e2etest.Must(t, err)
		eventually(t, "process "+line+" gone", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) })
	}
}

// zombie reports whether a process has ended, but its parent in this container has not waited for
// it.
func zombie(pid int) bool {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Contains(string(data), ") Z ")
}

// TestHangingGo: a go command that never ends does not delay the command beyond --timeout or a
// signal. Neither it nor a process that it started outlives the command.
func TestHangingGo(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "store")
	m := newMachine(t, dirURL(root))
	fill(t, m.build, 1, 2, 1000)
	m.must(t, "save")
	startup := max(finish(t, m.cmd("version")).took, 100*time.Millisecond)
	// Even on a busy machine, the command must come to the point where it runs go within this time.
	limit := max(4*limit, 20*startup).Round(time.Second)
	var all []func()
	for _, c := range []struct{ command, subcommand string }{{"restore", "env"}, {"save", "env"}, {"plan", "env"}, {"save", "list"}} {
		for _, bySignal := range []bool{false, true} {
			dir, pids := hangingGo(t, c.subcommand)
			one := m.fresh(t)
			one.env = append(one.env, "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
			args := []string{"--timeout", limit.String()}
			if c.command != "restore" {
				// then the command asks go which modules are in use
				args = append(args, "--max-size", "1TB")
			}
			all = append(all, func() {
				if bySignal {
					signalled(t, one, syscall.SIGTERM, func() bool { return glob(pids) }, c.command, append(args, "--timeout", "1m")...)
				} else {
					e := onTime(t, c.command+" with a hanging go "+c.subcommand, limit, startup, func() ended { return finish(t, one.cmd(c.command, args...)) })
					if !strings.Contains(e.stderr, fmt.Sprintf("not done within %v", limit)) {
						t.Error(e)
					}
				}
				nothingLingers(t, pids)
			})
		}
	}
	together(4, all...)
}
