package killed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

var shared e2etest.World

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, &shared)) }

// kills is how often each command is killed at a random moment. The tests of packages modcache,
// buildcache and trim stop at each of their system calls.
const kills = 6

// killAt starts a command, kills it after d, and reports whether it was still running, and for how
// long.
func killAt(t *testing.T, cmd *exec.Cmd, d time.Duration) (killed bool, took time.Duration) {
	t.Helper()
	start := time.Now()
	e2etest.Must(t, cmd.Start())
	timer := time.AfterFunc(d, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1, time.Since(start)
}

// timed runs a command to its end, and returns how long it took.
func timed(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	start := time.Now()
	e2etest.MustRun(t, cmd)
	return time.Since(start)
}

// TestKillRestore: a restore killed (-9) at any moment leaves caches that go commands accept, and
// the next restore completes them.
func TestKillRestore(t *testing.T) {
	root, home := filepath.Join(t.TempDir(), "store"), t.TempDir()
	shared.Reset(t)
	e2etest.MustRun(t, saving(t, home, root))
	shared.Wipe(t)
	whole := timed(t, shared.Gocache(home, "restore", root))
	for hit, try := 0, 0; hit < kills; try++ {
		if try == 4*kills {
			t.Fatalf("only %d of %d runs were killed before their end", hit, try)
		}
		shared.Wipe(t)
		d := rand.N(whole)
		if killed, took := killAt(t, shared.Gocache(home, "restore", root), d); !killed {
			whole = min(whole, took) // the machine was busier before
			continue
		}
		hit++
		// The entries that go commands add to the caches are not in the snapshot, so either the go
		// commands or the comparison is run.
		used := hit%2 == 0
		if hit == 2 { // compiles what the kill left out, possibly much of the standard library
			for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}, {"run", "."}, {"mod", "verify"}} {
				if out, err := shared.GoCommand(shared.Proxy(), args...); err != nil {
					t.Fatalf("go %s after a kill at %v: %v\n%s", args[0], d, err, out)
				}
			}
		} else if used {
			out, err := shared.GoCommand(shared.Proxy(), "list", "-deps", "-test", "./...")
			if err != nil {
				t.Fatalf("go list after a kill at %v: %v\n%s", d, err, out)
			}
		}
		if res := e2etest.DecodeResult(t, e2etest.MustRun(t, shared.Gocache(home, "restore", root))); len(res.Losses) > 0 || res.Matched == nil || !res.Matched.Exact {
			t.Fatalf("rerun after a kill at %v: %+v", d, res)
		}
		shared.NoLeftovers(t)
		if used {
			shared.MustBuildOffline(t)
		} else {
			shared.MustEqualTrees(t) // equal trees need no build to prove that they work
		}
	}
}

// TestKillSave: a save killed at any moment leaves the old snapshot or the new one, whole, and a
// rerun completes.
func TestKillSave(t *testing.T) {
	home := t.TempDir()
	shared.Reset(t)
	whole := timed(t, saving(t, home, filepath.Join(t.TempDir(), "timing")))
	for hit, try := 0, 0; hit < kills; try++ {
		if try == 4*kills {
			t.Fatalf("only %d of %d runs were killed before their end", hit, try)
		}
		root := filepath.Join(t.TempDir(), fmt.Sprint("store", try))
		d := rand.N(whole)
		if killed, took := killAt(t, saving(t, home, root), d); !killed {
			whole = min(whole, took)
			continue
		}
		hit++
		probe := filepath.Join(t.TempDir(), "probe")
		res := shared.ProbeRestore(t, e2etest.DirStore(t, root), probe)
		if len(res.Losses) > 0 {
			t.Fatalf("after a kill at %v: %+v", d, res.Losses)
		}
		if res.Matched != nil && (res.Build.Restored == 0 || res.Modules.Restored != 3) {
			t.Fatalf("after a kill at %v the new snapshot is not whole: %+v", d, res)
		}
		e2etest.MustRun(t, saving(t, home, root))
		if res := shared.ProbeRestore(t, e2etest.DirStore(t, root), filepath.Join(t.TempDir(), "again")); res.Matched == nil || len(res.Losses) > 0 || res.Modules.Restored != 3 {
			t.Fatalf("after the rerun: %+v", res)
		}
	}
}

// saving returns a save of the whole build cache.
func saving(t *testing.T, home, root string) *exec.Cmd {
	t.Helper()
	cmd := shared.Gocache(home, "save", root)
	cmd.Args = append(cmd.Args, "--state", e2etest.StableState(t))
	return cmd
}
