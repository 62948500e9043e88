package hostile

import (
	"os"
	"testing"

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
			everyCommand(t, s.URL("bucket", "some/prefix"), s.Env())
		})
	}
	if raw := os.Getenv(storetest.StoreEnv); raw != "" {
		t.Run("of the environment", func(t *testing.T) {
			url, err := storetest.FreshPrefix(raw)
			if err != nil {
				t.Fatal(err)
			}
			everyCommand(t, url, nil)
		})
	}
}

// everyCommand runs what jobs and owners of stores run, on an empty store, with small objects and
// some that are uploaded in parts.
func everyCommand(t *testing.T, url string, env []string) {
	t.Helper()
	m := newMachine(t, url)
	m.env = env
	works(t, m, "restore", "--fail-on-error") // finds nothing
	fill(t, m.build, 1, 4, 10<<10)
	works(t, m, "save", "--fail-on-error")
	fill(t, m.build, 2, 2, 12<<20)
	works(t, m, "save", "--fail-on-error")
	works(t, m, "save", "--fail-on-error") // nothing new
	r := m.fresh(t)
	works(t, r, "restore", "--fail-on-error")
	if n := whole(t, r.build); n != 6 {
		t.Errorf("%d of 6 entries restored", n)
	}
	works(t, m, "plan")
	works(t, m, "gc", "--dry-run")
	works(t, m, "gc", "--grace", "0s")
	works(t, m, "gc", "--grace", "0s") // reads the notes of the first collection
	r = m.fresh(t)
	works(t, r, "restore", "--fail-on-error")
	if n := whole(t, r.build); n != 6 {
		t.Errorf("%d of 6 entries restored after the collection", n)
	}
}
