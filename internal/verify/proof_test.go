package verify

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// TestPrivateNames: the names of modules of other projects are not told, unless that is demanded;
// and a database that does not answer is named once.
func TestPrivateNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := module.Version{Path: "corp.other.example/secret", Version: "v1.0.0"}
	sums := w.add(v)
	reason := func(res *Result) string {
		i := slices.IndexFunc(res.Unproved, func(u Unproved) bool { return u.Module == v.String() })
		if i < 0 {
			return ""
		}
		return res.Unproved[i].Reason
	}
	if res := w.run(); len(w.asked) > 0 || !strings.Contains(reason(res), "is not asked") || len(res.Faults) > 0 {
		t.Errorf("asked about %q, %q, %+v", w.asked, reason(res), res.Faults)
	}
	w.o.Sums.Mod[v] = sums[1]
	if res := w.run(); !slices.Contains(w.asked, v.Path) || !strings.Contains(reason(res), "does not know") {
		t.Errorf("named by go.sum: asked about %q, %q", w.asked, reason(res))
	}
	delete(w.o.Sums.Mod, v)
	w.asked, w.o.Always = nil, true
	if res := w.run(); !slices.Contains(w.asked, v.Path) || !slices.Equal(faults(res), []string{"fail tree"}) || res.Stopped != "" {
		t.Errorf("always: asked about %q, %+v, %q", w.asked, res.Faults, res.Stopped)
	}
	w.srv.Close()
	if res := w.run(); !strings.Contains(res.Stopped, "stopped answering after 1 of 2 modules: ") {
		t.Errorf("an outage: %q", res.Stopped)
	}
}
