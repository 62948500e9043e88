package save

import (
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestCount: objects that this save uploaded but the snapshot does not name do not reduce any other
// count.
func TestCount(t *testing.T) {
	m := collecttest.Manifest(t, "entry a1 o1 1 p1\nentry a2 o2 1 p2")
	m.Modules = []snapshot.Module{{Path: "a", Version: "v1.0.0", Object: "a"}, {Path: "b", Version: "v1.0.0", Object: "b"}}
	packed := func(object string) collect.Outcome {
		return collect.Outcome{Object: object, Pack: snapshot.Pack{Object: object}, Uploaded: true}
	}
	done := []collect.Outcome{
		{Object: "b", Uploaded: true}, {Object: "c", Uploaded: true}, {Object: "d", Uploaded: true}, {Object: "e", Uploaded: true},
		{Object: "a"}, packed(m.Packs[0].Object), packed("x"), packed("y"),
	}
	var res Result
	res.countUploads(done)
	added := func(o *snapshot.Output) bool { return o.ID == collecttest.ID("o1") }
	res.count(planned{manifest: m}, done, added)
	if res.Modules != (Counts{Uploaded: 4, Stored: 1}) || res.Packs != (Counts{Uploaded: 3, Stored: 1}) || res.Build != (Counts{Uploaded: 1, Stored: 1}) {
		t.Errorf("modules %+v, packs %+v, entries %+v", res.Modules, res.Packs, res.Build)
	}
}
