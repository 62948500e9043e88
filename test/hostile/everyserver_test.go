package hostile

import (
	"os"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestEveryServer: the command saves twice, restores and collects on each server asked for, and on
// the one that the environment names.
func TestEveryServer(t *testing.T) {
	for _, name := range storetest.Servers() {
		t.Run(name, func(t *testing.T) {
			s := storetest.StartServer(t, name)
			s3test.CreateBucket(t, s, "bucket")
			removes(t, everyCommand(t, s.URL("bucket", "some/prefix"), s.Env()))
		})
	}
	if raw := os.Getenv(storetest.StoreEnv); raw != "" {
		t.Run("of the environment", func(t *testing.T) {
			url, err := storetest.FreshPrefix(raw)
			if err != nil {
				t.Fatal(err)
			}
			removes(t, everyCommand(t, url, nil))
		})
	}
}

// everyCommand runs what jobs and owners of stores run, on an empty store, with small objects and
// some that are uploaded in parts.
func everyCommand(t *testing.T, url string, env []string) *machine {
	t.Helper()
	m := newMachine(t, url)
	m.env = env
	works(t, m, "restore", "--fail-on-error") // finds nothing
	fill(t, m.build, 1, 4, 10<<10)
	works(t, m, "save", "--fail-on-error")
	fill(t, m.build, 2, 8, 9<<20)
	works(t, m, "save", "--fail-on-error")
	works(t, m, "save", "--fail-on-error") // nothing new
	r := m.fresh(t)
	works(t, r, "restore", "--fail-on-error")
	if n := whole(t, r.build); n != 12 {
		t.Errorf("%d of 12 entries restored", n)
	}
	works(t, m, "plan")
	works(t, m, "gc", "--dry-run")
	works(t, m, "gc", "--grace", "0s")
	works(t, m, "gc", "--grace", "0s") // reads the notes of the first collection
	r = m.fresh(t)
	works(t, r, "restore", "--fail-on-error")
	if n := whole(t, r.build); n != 12 {
		t.Errorf("%d of 12 entries restored after the collection", n)
	}
	works(t, m, "ls")
	works(t, m, "show", "job")
	return m
}

// removes removes the snapshot that everyCommand has left, in two steps.
func removes(t *testing.T, m *machine) {
	t.Helper()
	works(t, m, "rm", "--name", "job") // only says what would go
	works(t, m, "show", "job")
	works(t, m, "rm", "--name", "job", "--yes")
	if e := finish(t, m.cmd("restore", "--fail-on-miss")); e.code != config.ExitMiss {
		t.Errorf("restore after rm: %v", e)
	}
}
