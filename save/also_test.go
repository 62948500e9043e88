package save

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestOneManifest: the new manifest for the job's own key is freed before the one for the restore's
// key is made, since memory is budgeted for only one.
func TestOneManifest(t *testing.T) {
	before := append(testKey.Exact()[:4:4], "before")
	name := snapshot.ManifestObject("r", "s", before)
	st := newMemory()
	j := testJob(st, func(o *Options) { o.State = &jobstate.State{Store: st.String(), Repo: "r", Key: before} })
	p := publisherFor(t, j, "entry a1 o1 1 -")
	var first weak.Pointer[snapshot.Manifest]
	asked := false
	st.before = func(op, object string, _ io.Reader) error {
		if op == "open" && object == name {
			asked = true
			for range 3 {
				runtime.GC()
			}
			if first.Value() != nil {
				t.Error("the first manifest is still in memory")
			}
		}
		return nil
	}
	also, written, err := p.publish(t.Context(), func(pub published) { first = weak.Make(pub.plan.manifest) })
	if err != nil || !written || !slices.Equal(also, before) || !asked {
		t.Errorf("%q, written %t, asked %t, %v", also, written, asked, err)
	}
}

// TestTrendOfUnwritten: if there is nothing new under the job's own key, the result has the stored
// trend, even if a manifest was written under the key of the restore.
func TestTrendOfUnwritten(t *testing.T) {
	m := newMachine(t)
	if res := m.save(t, nil); len(res.Trend) != 1 {
		t.Fatalf("%+v", res.Trend)
	}
	before := append(m.options().Keys.Key.Exact()[:4:4], "before")
	m.now = m.now.Add(time.Minute)
	state := &jobstate.State{Store: m.st.String(), Repo: "r", Key: before, Time: m.now}
	for _, written := range []bool{true, false} {
		res := m.save(t, func(o *Options) { o.State = state })
		if len(res.Trend) != 1 || res.Written != written || fmt.Sprint(res.Also) != fmt.Sprint(before) {
			t.Errorf("%+v, written %t, also %q", res.Trend, res.Written, res.Also)
		}
	}
}
