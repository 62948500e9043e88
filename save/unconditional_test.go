package save

import (
	"io"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

// TestLatestNoConditions: also where nothing but looking helps, a failed job leaves the latest
// snapshot of other module files alone that came meanwhile.
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
			if _, err := p.publish(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if theirs := textAt(t, st, latestName) == "entry a9 o9 1 q"; !once || theirs != failed {
				t.Errorf("%s, failed %t: %s", name, failed, textAt(t, st, latestName))
			}
		}
	}
}
