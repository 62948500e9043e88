package save

import (
	"encoding/binary"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/snapshot"
)

// BenchmarkPlan plans a cache of 200,000 entries, nearly all of which are stored. The bytes that it
// reports are what such a save needs in addition to the lists that it has gathered.
func BenchmarkPlan(b *testing.B) {
	const n = 200_000
	id := func(kind byte, i int) (id [32]byte) {
		id[0] = kind
		binary.BigEndian.PutUint32(id[1:], uint32(i))
		return id
	}
	inv := new(buildcache.Inventory)
	sb := snapshot.NewBuilder()
	sb.Expect(n)
	pack := sb.AddPack(snapshot.Pack{Object: collecttest.Pack("p"), Raw: n * 10, Size: 200, Chunks: 1, Frames: []snapshot.Frame{{Size: 100, Raw: n * 10}, {Size: 100, Raw: 40}}})
	for i := range n {
		inv.Entries = append(inv.Entries, buildcache.Local{Entry: buildcache.Entry{Action: id(1, i), Output: id(2, i), Size: 10, Time: 5}})
		inv.Outputs = append(inv.Outputs, buildcache.Output{ID: id(2, i), Size: 10})
		if i > 100 {
			sb.AddOutput(snapshot.Output{ID: id(2, i), Size: 10, Extents: []snapshot.Extent{{Pack: int32(pack), Off: int32(10 * i), Len: 10}}})
			sb.AddAction(id(1, i), id(2, i), 5, collecttest.Ago(1))
		}
	}
	inv.Drop(nil) // makes its index
	own := new(snapshot.Manifest)
	sb.Build(own)
	local := build.New(nil, inv, func(buildcache.Local) int64 { return collecttest.Ago(1) })
	f := facts{
		kinds: [kinds]collect.Kind{modules.Local{}, local, graph.Local{}, paths.Local{}}, stock: collect.NewStock([]*snapshot.Manifest{own}, nil), exact: own,
		head: head{repo: "r", scope: "s", key: testKey}, rules: rules{start: collecttest.Now},
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := f.plan(own); p.parts[kindBuild].Missing != 101 {
			b.Fatal(p.parts[kindBuild].Missing)
		}
	}
}
