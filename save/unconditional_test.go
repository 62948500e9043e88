package save

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

// TestLatestNoConditions: even on a store without conditional writes, a failed job does not replace
// a latest snapshot of other module files that was written meanwhile.
func TestLatestNoConditions(t *testing.T) {
	for name, says := range map[string]bool{"the store says so": true, "the store ignores them": false} {
		for _, failed := range []bool{true, false} {
			st := newMemory()
			j := testJob(lax{st, says}, func(o *Options) { o.JobFailed = failed })
			p := publisherFor(t, j, "entry a1 o1 1 -")
			once := false
			st.before = func(op, object string, _ io.Reader) error {
				if op == "put" && object == exactName && !once {
					once = true
					putManifest(t, st, "s", testKey.Latest(), "entry a9 o9 1 q", 0)
					m := manifestAt(t, st, latestName)
					m.Digest = "e"
					data, err := m.Encode()
					if err != nil {
						t.Fatal(err)
					}
					st.replace(latestName, data, store.Condition{})
				}
				return nil
			}
			if _, err := publish(t.Context(), p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if theirs := textAt(t, st, latestName) == "entry a9 o9 1 q"; !once || theirs != failed {
				t.Errorf("%s, failed %t: %s", name, failed, textAt(t, st, latestName))
			}
		}
	}
}

// TestHoldsBesideError: once the exact manifest is written, it remains valid whatever fails
// afterwards, and the result says so.
func TestHoldsBesideError(t *testing.T) {
	plain := func(st *memory) store.Store { return st }
	without := func(st *memory) store.Store { return lax{st, true} }
	ignoring := func(st *memory) store.Store { return lax{st, false} }
	for name, c := range map[string]struct {
		store func(*memory) store.Store
		op    string // on the exact manifest
		nth   int    // the number of the operation that fails
		holds bool
	}{
		"the write":                   {plain, "put", 1, false},
		"the proof of conditions":     {plain, "put", 2, true},
		"without, the write":          {without, "put", 1, false},
		"without, the look before it": {without, "open", 1, false},
		"without, the look after it":  {without, "open", 2, true},
		"ignored, the look before it": {ignoring, "open", 1, true},
		"ignored, the second write":   {ignoring, "put", 3, true},
		"ignored, the look after it":  {ignoring, "open", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newMemory()
			p := publisherFor(t, testJob(c.store(st), nil), "entry a1 o1 1 -")
			ctx, cancel := context.WithCancelCause(t.Context())
			enough, n := errors.New("enough"), 0
			st.before = func(op, object string, _ io.Reader) error {
				if op == c.op && object == exactName {
					if n++; n == c.nth {
						cancel(enough)
						return enough
					}
				}
				return nil
			}
			pub, err := publish(ctx, p)
			if !errors.Is(err, enough) || pub.written != c.holds || (pub.plan.manifest != nil) != c.holds {
				t.Errorf("written %t, %v", pub.written, err)
			}
			if stored := manifestAt(t, st, exactName) != nil; stored != c.holds {
				t.Errorf("stored %t", stored)
			}
		})
	}
}
