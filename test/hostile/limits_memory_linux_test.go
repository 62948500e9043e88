package hostile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// smallMemory is the size of a container that must be enough for a cache of any size.
const smallMemory = 256 << 20

// TestSmallMemory: with 256 MiB, as the limit of a container or as GOMEMLIMIT, a first save and a
// restore of a larger cache complete, and use less than that. Half of the outputs do not compress
// at all, which is the worst case, and one is larger than a pack.
func TestSmallMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 300 MB")
	}
	g := storetest.Gateway(t)
	// not on a tmpfs, whose files count as memory of the process that writes them
	dir, err := os.MkdirTemp("/var/tmp", "gocache-memory-")
	e2etest.Must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	full := newMachine(t, "")
	full.env = g.Env()
	fill(t, full.build, 1, 20, 4<<20)
	fill(t, full.build, 2, 1, 64<<20)
	c := buildcache.Open(full.build)
	for i := range 36 { // text
		putEntry(t, c, bytes.Repeat(fmt.Appendf(nil, "%d %x\n", i, storetest.Content(uint64(i), 100)), 4<<20/220))
	}
	const entries = 57
	for name, limited := range map[string]func(*exec.Cmd) *exec.Cmd{"GOMEMLIMIT": byVariable, "container": container(t)} {
		m := *full
		m.store, _ = bucket(t, g, "memory-"+strings.ToLower(name), g.Endpoint)
		most := int64(smallMemory)
		// The runtime keeps this limit without counting the program's own pages.
		if name == "GOMEMLIMIT" {
			program, err := os.Stat(m.cmd("version").Path)
			e2etest.Must(t, err)
			most += program.Size()
		}
		save, peak := finishMeasured(t, limited(m.cmd("save", "--fail-on-error")))
		t.Logf("%s: save of 300 MB: peak %d MiB, %v", name, peak>>20, save.took)
		if save.code != 0 || peak == 0 || peak > most {
			t.Errorf("%s: save with a peak of %d bytes: %v", name, peak, save)
		}
		r := m.fresh(t)
		r.build = filepath.Join(dir, name, "build")
		restore, peak := finishMeasured(t, limited(r.cmd("restore", "--fail-on-error")))
		t.Logf("%s: restore: peak %d MiB, %v", name, peak>>20, restore.took)
		if restore.code != 0 || peak == 0 || peak > most {
			t.Errorf("%s: restore with a peak of %d bytes: %v", name, peak, restore)
		}
		if n := whole(t, r.build); n != entries {
			t.Errorf("%s: %d entries, want %d", name, n, entries)
		}
		e2etest.Must(t, os.RemoveAll(r.build))
	}
}

// container returns a function that runs a command in a control group, version 2 or 1, limited to
// smallMemory. The kernel kills a process that exceeds it.
func container(t *testing.T) func(*exec.Cmd) *exec.Cmd {
	t.Helper()
	for _, v := range []struct{ base, file string }{{"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}} {
		dir := filepath.Join(v.base, "gocache-limits-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if !glob(dir, v.file) || os.WriteFile(filepath.Join(dir, v.file), []byte(strconv.Itoa(smallMemory)), 0o644) != nil {
			continue
		}
		os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0o644)
		return func(cmd *exec.Cmd) *exec.Cmd {
			cmd.Args = append([]string{"sh", "-c", `echo $$ >"$0"/cgroup.procs && exec "$@"`, dir, cmd.Path}, cmd.Args[1:]...)
			cmd.Path = "/bin/sh"
			return cmd
		}
	}
	t.Log("no control group can be made here: the limit of the container is left to GOMEMLIMIT")
	return byVariable
}

func byVariable(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(cmd.Env, "GOMEMLIMIT=256MiB")
	return cmd
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// finishMeasured also returns the peak resident memory. It does not use the figure of wait4, which
// includes the memory of this process until the child has executed the other program.
func finishMeasured(t *testing.T, cmd *exec.Cmd) (e ended, peak int64) {
	t.Helper()
	r, err := start(cmd)
	e2etest.Must(t, err)
	for {
		select {
		case <-r.done:
			return r.wait(), peak
		case <-time.After(10 * time.Millisecond):
			data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.Process.Pid))
			if m := highWater.FindSubmatch(data); m != nil && bytes.Contains(data, []byte("Name:\tgocache\n")) {
				kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
				peak = max(peak, kb<<10)
			}
		}
	}
}
