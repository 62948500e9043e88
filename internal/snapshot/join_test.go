package snapshot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestJoin: what only the other manifest has is added, and the rest stays as it is.
func TestJoin(t *testing.T) {
	const has = "a1 o1 at 0 of p1, a2 o2 at 10 of p1, x.org/a"
	const one = "entry a1 o1 10 p1\nentry a2 o2 20 p1\nmodule x.org/a@v1.0.0 5"
	for name, c := range map[string]struct{ other, want string }{
		"nothing":        {"", has},
		"the same":       {one, has},
		"more":           {"entry a2 o2 20 p2\nentry a3 o3 30 p2\nmodule x.org/b@v1.0.0 5", "a1 o1 at 0 of p1, a2 o2 at 10 of p1, a3 o3 at 20 of p2, x.org/a, x.org/b"},
		"another output": {"entry a1 o9 90 p2", has},
	} {
		m, other := collecttest.Manifest(t, one), collecttest.Manifest(t, c.other)
		got := snapshot.Join(m, other)
		data, err := got.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := snapshot.DecodeManifest(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(strings.Split(c.want, ", "), contents(back)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(collecttest.Manifest(t, one), m); diff != "" {
			t.Errorf("%s: the manifest itself has changed: %s", name, diff)
		}
	}
}

// contents lists the entries and modules of a manifest.
func contents(m *snapshot.Manifest) (list []string) {
	for _, a := range m.Actions {
		o := m.Outputs[a.Output]
		e := o.Extents[0]
		list = append(list, fmt.Sprintf("%s %s at %d of %s", collecttest.Name(a.ID), collecttest.Name(o.ID), e.Off, packName(m.Packs[e.Pack])))
	}
	for _, x := range m.Modules {
		list = append(list, x.Path)
	}
	return list
}

func packName(p snapshot.Pack) string {
	for _, name := range []string{"p1", "p2"} {
		if p.Object == collecttest.Pack(name) {
			return name
		}
	}
	return p.Object
}
