package build

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// layoutOf returns a layout of some outputs of l. Each text has the name of a pack, followed by the
// names of its outputs: "n1 o1 o2".
func layoutOf(l Local, packs ...string) *layout {
	lay := new(layout)
	for n, text := range packs {
		var off int32
		for _, name := range strings.Fields(text)[1:] {
			i, _ := l.find(collecttest.ID(name))
			size := int32(l.inv.Outputs[i].Size)
			lay.outputs = append(lay.outputs, laid{i, int32(len(lay.extents)), 1})
			lay.extents = append(lay.extents, snapshot.Extent{Pack: int32(n), Off: off, Len: size})
			off += size
		}
		lay.jobs = append(lay.jobs, packPlan{pieces: make([]freshChunk, 1), raw: 5000, frames: []int64{5000}})
	}
	return lay
}

// uploads returns the outcomes of a layout whose jobs made packs of these names; "" stands for a
// failed job.
func uploads(lay *layout, names ...string) []collect.Outcome {
	done := []collect.Outcome{{Content: collect.Content{Of: lay}}}
	for n, name := range names {
		if name == "" {
			done = append(done, collect.Outcome{})
			continue
		}
		object := collecttest.Pack(name)
		p := snapshot.Pack{Object: object, Size: 200, Raw: 5000, Chunks: 1, Frames: []snapshot.Frame{{Size: 100, Raw: 5000}, {Size: 100, Raw: 50}}}
		done = append(done, collect.Outcome{Object: object, Pack: p, Content: collect.Content{Of: packed{lay: lay, job: n}}, Uploaded: true})
	}
	return done
}

// upload returns l after some of its outputs were uploaded in one pack.
func upload(l Local, pack, outputs string) Local {
	lay := layoutOf(l, pack+" "+outputs)
	return l.With(uploads(lay, pack)).(Local)
}

// TestWith: an uploaded output counts as stored in its new pack, even if it also lies elsewhere;
// the original Local does not change.
func TestWith(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -\nentry a3 o3 30 -", own: "entry a1 o1 10 p1"}
	before := here(t, s.here)
	lay := layoutOf(before, "n1 o2", "n2 o1", "n3 o3")
	after := before.With(append(uploads(lay, "n1", "n2", ""), []collect.Outcome{
		{}, // a job that failed
		{Object: "v2/modules/x", Uploaded: true}, {Object: collecttest.Pack("tree"), Content: collect.Content{Of: "another kind"}},
	}...)).(Local)
	m, p, missing := s.plan(t, after)
	collecttest.Compare(t, m, "entry a1 o1 10 n2\nentry a2 o2 20 n1")
	if missing != "o3" || p.Missing != 1 {
		t.Errorf("missing %q, %d", missing, p.Missing)
	}
	if m, _, missing := s.plan(t, before); missing != "o2 o3" || len(m.Packs) != 1 {
		t.Errorf("the original has changed: missing %q", missing)
	}
	again := upload(after, "n3", "o3")
	m, _, _ = s.plan(t, again)
	collecttest.Compare(t, m, "entry a1 o1 10 n2\nentry a2 o2 20 n1\nentry a3 o3 30 n3")
	if _, _, missing := s.plan(t, after); missing != "o3" {
		t.Errorf("the original has changed: missing %q", missing)
	}
	if same := after.With(nil).(Local); len(same.packs) != 2 {
		t.Errorf("it changes without any outcomes: %+v", same.packs)
	}
}

// TestWithOther: an output does not count as stored if its pack differs from the planned one, or if
// its extents have another total length.
func TestWithOther(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -"}
	for name, spoil := range map[string]func(lay *layout, p *snapshot.Pack){
		"":             func(*layout, *snapshot.Pack) {},
		"fewer bytes":  func(_ *layout, p *snapshot.Pack) { p.Raw-- },
		"more chunks":  func(_ *layout, p *snapshot.Pack) { p.Chunks++ },
		"other frames": func(_ *layout, p *snapshot.Pack) { p.Frames[0].Raw-- },
		"more frames":  func(_ *layout, p *snapshot.Pack) { p.Frames = append(p.Frames, snapshot.Frame{}) },
		"too short":    func(lay *layout, _ *snapshot.Pack) { lay.extents[0].Len-- },
		"too long":     func(lay *layout, _ *snapshot.Pack) { lay.extents[0].Len++ },
	} {
		l := here(t, s.here)
		lay := layoutOf(l, "n1 o1", "n2 o2")
		done := uploads(lay, "n1", "n2")
		spoil(lay, &done[1].Pack)
		want := "o1"
		if name == "" {
			want = ""
		}
		if _, _, missing := s.plan(t, l.With(done).(Local)); missing != want {
			t.Errorf("%s: missing %q, want %q", name, missing, want)
		}
	}
}

// TestHasLost: an output has bytes that could not be read again where its extents touch these.
func TestHasLost(t *testing.T) {
	m := made{lost: map[int32][]snapshot.Extent{1: {{Frame: 2, Off: 100, Len: 10}, {Frame: 3, Off: 0, Len: 5}}}}
	for name, c := range map[string]struct {
		extent snapshot.Extent
		want   bool
	}{
		"all of it":      {snapshot.Extent{Pack: 1, Frame: 2, Off: 0, Len: 500}, true},
		"the same":       {snapshot.Extent{Pack: 1, Frame: 2, Off: 100, Len: 10}, true},
		"its first byte": {snapshot.Extent{Pack: 1, Frame: 2, Off: 0, Len: 101}, true},
		"its last byte":  {snapshot.Extent{Pack: 1, Frame: 2, Off: 109, Len: 1}, true},
		"the second":     {snapshot.Extent{Pack: 1, Frame: 3, Off: 0, Len: 1}, true},
		"before it":      {snapshot.Extent{Pack: 1, Frame: 2, Off: 0, Len: 100}, false},
		"behind it":      {snapshot.Extent{Pack: 1, Frame: 2, Off: 110, Len: 10}, false},
		"another frame":  {snapshot.Extent{Pack: 1, Frame: 1, Off: 100, Len: 10}, false},
		"another pack":   {snapshot.Extent{Pack: 0, Frame: 2, Off: 100, Len: 10}, false},
	} {
		if got := m.hasLost([]snapshot.Extent{{Pack: 5, Len: 1}, c.extent}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestWithout: an output in a pack that may be removed no longer counts as stored, unless an
// earlier save has it as well.
func TestWithout(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -\nentry a3 o3 30 -", own: "entry a1 o1 10 p1"}
	l := here(t, s.here)
	l = upload(upload(l, "n1", "o1 o2"), "n2", "o3")
	gone := func(names ...string) func(string) bool {
		return func(object string) bool { return slices.Contains(names, nameOf(object)) }
	}
	for name, c := range map[string]struct {
		gone          []string
		want, missing string
	}{
		"nothing": {nil, "entry a1 o1 10 n1\nentry a2 o2 20 n1\nentry a3 o3 30 n2", ""},
		"one":     {[]string{"n1"}, "entry a1 o1 10 p1\nentry a3 o3 30 n2", "o2"},
		"both":    {[]string{"n1", "n2"}, "entry a1 o1 10 p1", "o2 o3"},
		"another": {[]string{"p1"}, "entry a1 o1 10 n1\nentry a2 o2 20 n1\nentry a3 o3 30 n2", ""},
	} {
		m, _, missing := s.plan(t, l.Without(gone(c.gone...)).(Local))
		collecttest.Compare(t, m, c.want)
		if missing != c.missing {
			t.Errorf("%s: missing %q, want %q", name, missing, c.missing)
		}
	}
	if m, _, _ := s.plan(t, l); len(m.Packs) != 2 {
		t.Error("the original has changed")
	}
}

// TestNoCache: the zero value keeps the entries that are stored, and adds nothing.
func TestNoCache(t *testing.T) {
	s := situation{own: "entry a1 o1 10 p1 use=9h"}
	m, p, missing := s.plan(t, Local{})
	collecttest.Compare(t, m, s.own)
	var none Local
	if missing != "" || p.Missing+none.Len()+none.Outputs()+none.Expected(nil) != 0 || none.Expected(m) != 1 || none.Largest(m, 9) != nil {
		t.Errorf("missing %q, %+v", missing, p)
	}
	if _, ok := none.find(collecttest.ID("o1")); ok {
		t.Error("it has an output")
	}
}

// TestPackable: each output is packed once, in the order in which outputs were made.
func TestPackable(t *testing.T) {
	l := here(t, "entry a1 o9 1 -\nentry a2 o1 1 -\nentry a3 o5 1 -")
	index := func(name string) int32 { i, _ := l.find(collecttest.ID(name)); return i }
	got := l.packable([]int32{index("o5"), index("o1"), index("o9"), index("o5"), index("o1")})
	if want := []int32{index("o9"), index("o1"), index("o5")}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	l.inv.Outputs[index("o1")].Time = l.inv.Outputs[index("o5")].Time
	if got := l.packable([]int32{index("o5"), index("o1")}); got[0] != index("o1") {
		t.Errorf("made at once: %v", got)
	}
}

// cacheWith writes outputs to a build cache and lists it.
func cacheWith(t *testing.T, dir string, outputs ...string) Local {
	t.Helper()
	for _, o := range outputs {
		collecttest.BuildEntry(t, dir, "action of "+o, o, collecttest.Now, collecttest.Now)
	}
	found, err := Scan(t.Context(), collect.Env{Stock: collecttest.Stock(t, nil), Start: collecttest.Now, Warn: t.Logf}, ScanOptions{Dir: dir, StableTimes: true})
	if err != nil {
		t.Fatal(err)
	}
	return found.Local
}

// first has an output come first where outputs are in the order in which they were made.
func (l Local) first(output string) {
	i, _ := l.find(digest.Of([]byte(output)))
	l.inv.Outputs[i].Time = 1
}

// TestLargest: the largest outputs are listed by kind and name, with outputs of the same name added
// up.
func TestLargest(t *testing.T) {
	dir := t.TempDir()
	l := cacheWith(t, dir, "go index v2 "+strings.Repeat("x", 100), "go index v2 "+strings.Repeat("y", 200), "other bytes", "mode: set\n")
	m := collecttest.Manifest(t, "")
	b := snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: collecttest.Pack("p"), Size: 9, Chunks: 1, Frames: []snapshot.Frame{{Size: 20, Raw: 1 << 20}, {Size: 20, Raw: 1}}})
	at := func(size int64) []snapshot.Extent { return []snapshot.Extent{{Pack: int32(p), Len: int32(size)}} }
	for i, o := range l.inv.Outputs {
		b.AddOutput(snapshot.Output{ID: digest.ID(o.ID), Size: o.Size, Extents: at(o.Size)})
		b.AddAction(digest.ID{byte(i)}, digest.ID(o.ID), 0, 0)
	}
	// not in the cache
	b.AddOutput(snapshot.Output{ID: digest.ID{9}, Size: 1 << 19, Extents: at(1 << 19)})
	b.AddAction(digest.ID{99}, digest.ID{9}, 0, 0)
	b.Build(m)
	list := l.Largest(m, 2)
	if len(list) != 2 || list[0].Kind != "package index" || list[0].Count != 2 || list[0].Bytes != 324 || list[1].Bytes != 11 {
		t.Errorf("%+v", list)
	}
	if all := l.Largest(m, 10); len(all) != 3 {
		t.Errorf("%+v", all)
	}
}

// TestItems: outputs and programs are numbered, so that what several entries share is counted once.
func TestItems(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o1 10 -\nentry a3 o3 7 - exec=x\nentry a4 o4 8 - exec=x\nentry a5 o5 9 - exec=y"}
	items := here(t, s.here).Merge(s.base(t)).Items([]retention.Item{{Kind: retention.Module}})
	if len(items) != 6 || items[0].Kind != retention.Module {
		t.Fatalf("%+v", items)
	}
	items = items[1:]
	for i, it := range items {
		if it.Kind != retention.Build || it.LastUse != collecttest.Now.Unix() {
			t.Errorf("item %d: %+v", i, it)
		}
	}
	if items[0].Content != items[1].Content || items[1].Content == items[2].Content || items[0].Program != 0 {
		t.Errorf("contents: %+v", items)
	}
	if items[2].Program == 0 || items[2].Program != items[3].Program || items[3].Program == items[4].Program {
		t.Errorf("programs: %+v", items)
	}
}
