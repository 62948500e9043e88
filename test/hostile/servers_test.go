package hostile

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestServersWithQuirks: on servers that differ from Amazon's as real ones do, two saves, a restore
// of both and a collection succeed. A warning says what a server lacks, and that is never mistaken
// for an outage or another writer.
func TestServersWithQuirks(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	for _, q := range s3test.Quirks() {
		t.Run(strings.ReplaceAll(q.Name, " ", "-"), func(t *testing.T) {
			f := s3test.NewFront(t, g)
			f.Quirk = q
			name := strings.ReplaceAll(q.Name, " ", "-")
			url, _ := bucket(t, g, name[:min(len(name), 20)], f.URL)
			m := newMachine(t, url)
			m.env = g.Env()
			for seed := range uint64(2) {
				fill(t, m.build, 1+seed, 4, 10<<10)
				works(t, m, "save", "--fail-on-error")
			}
			r := m.fresh(t)
			works(t, r, "restore", "--fail-on-error")
			if n := whole(t, r.build); n != 8 {
				t.Errorf("%d of 8 entries restored", n)
			}
			works(t, m, "gc", "--grace", "0s")
			works(t, m, "gc", "--grace", "0s") // reads the notes of the first collection
		})
	}
}

func works(t *testing.T, m *machine, command string, flags ...string) {
	t.Helper()
	e := finish(t, m.cmd(command, flags...))
	for _, wrong := range []string{"does not answer", "another writer", "check the endpoint"} {
		if strings.Contains(e.stderr, wrong) {
			t.Errorf("%s says %q: %v", command, wrong, e)
		}
	}
	if e.code != 0 {
		t.Errorf("%s: %v", command, e)
	}
}

// TestIgnoredConditionsAreSaid: a save to a server that ignores conditions says so, and says how to
// avoid the test for it.
func TestIgnoredConditionsAreSaid(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	f := s3test.NewFront(t, g)
	f.Quirk = s3test.IgnoresConditions()
	url, _ := bucket(t, g, "ignored", f.URL)
	m := newMachine(t, url)
	m.env = g.Env()
	fill(t, m.build, 1, 4, 10<<10)
	e := finish(t, m.cmd("save", "--fail-on-error"))
	if e.code != 0 || !strings.Contains(e.stderr, "ignores conditional writes") || !strings.Contains(e.stderr, "conditional-writes=false") {
		t.Errorf("save: %v", e)
	}
}
