package build

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// outcome is what uploading some outputs of l, by their names, to a pack came to.
func outcome(l Local, pack string, outputs ...string) collect.Outcome {
	var w written
	for n, name := range outputs {
		i, _ := l.find(collecttest.ID(name))
		w.outputs = append(w.outputs, i)
		w.frames = append(w.frames, spot{0, int32(1000 * n)})
	}
	object := collecttest.Pack(pack)
	p := snapshot.Pack{Object: object, Size: 100, Raw: 5000, Frames: []snapshot.Frame{{Size: 100, Raw: 5000}}}
	return collect.Outcome{Object: object, Pack: p, Content: collect.Content{Of: w}, Uploaded: true}
}

// TestWith: what was uploaded is stored from then on, wherever else it lies; the value before knows
// nothing of it.
func TestWith(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -\nentry a3 o3 30 -", own: "entry a1 o1 10 p1"}
	before := here(t, s.here)
	after := before.With([]collect.Outcome{
		// nothing of a pack could be read
		outcome(before, "n1", "o2"), outcome(before, "n2", "o1"), {},
		{Object: "v1/modules/x", Uploaded: true}, {Object: collecttest.Pack("tree"), Content: collect.Content{Of: "another kind"}},
	}).(Local)
	m, p, missing := s.plan(t, after)
	collecttest.Compare(t, m, "entry a1 o1 10 n2\nentry a2 o2 20 n1")
	if missing != "o3" || p.Missing != 1 {
		t.Errorf("missing %q, %d", missing, p.Missing)
	}
	if m, _, missing := s.plan(t, before); missing != "o2 o3" || len(m.Packs) != 1 {
		t.Errorf("the value before has changed: missing %q", missing)
	}
	again := after.With([]collect.Outcome{outcome(after, "n3", "o3")}).(Local)
	m, _, _ = s.plan(t, again)
	collecttest.Compare(t, m, "entry a1 o1 10 n2\nentry a2 o2 20 n1\nentry a3 o3 30 n3")
	if _, _, missing := s.plan(t, after); missing != "o3" {
		t.Errorf("the value before has changed: missing %q", missing)
	}
	if same := after.With(nil).(Local); len(same.packs) != 2 {
		t.Errorf("no outcomes change it: %+v", same.packs)
	}
}

// TestWithout: what lay in a pack that may be removed is stored nowhere, unless an earlier save has
// it.
func TestWithout(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -\nentry a3 o3 30 -", own: "entry a1 o1 10 p1"}
	l := here(t, s.here)
	l = l.With([]collect.Outcome{outcome(l, "n1", "o1", "o2"), outcome(l, "n2", "o3")}).(Local)
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
		t.Error("the value before has changed")
	}
}

// TestNoCache: the zero value keeps what is stored, and adds nothing.
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

// TestPackable: outputs are packed once each, in the order in which they were made.
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

// TestGroups: packs are cut before they get too large, and what is too large has one of its own.
func TestGroups(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		sizes []int64
		want  []int
	}{
		"none":          {nil, nil},
		"one":           {[]int64{1}, []int{1}},
		"all in one":    {[]int64{10 * mib, 20 * mib, 17 * mib}, []int{3}},
		"to the brim":   {[]int64{24*mib - memberBytes, 24*mib - memberBytes, 1}, []int{2, 1}},
		"one too large": {[]int64{1, 100 * mib, 1}, []int{1, 1, 1}},
		"first large":   {[]int64{100 * mib, 1, 1}, []int{1, 2}},
		"tiny ones":     {[]int64{0}, []int{786432, 13568}},
	} {
		l := Local{inv: new(buildcache.Inventory)}
		var all []int32
		for i, size := range c.sizes {
			l.inv.Outputs = append(l.inv.Outputs, buildcache.Output{Size: size})
			all = append(all, int32(i))
		}
		if c.sizes != nil && c.sizes[0] == 0 {
			all = slices.Repeat(all, 800_000)
		}
		var got []int
		for _, j := range l.jobs(all) {
			got = append(got, j.Files)
			if j.Size < j.Bytes || j.What == "" || j.Object != "" {
				t.Errorf("%s: %+v", name, j)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// cacheWith writes outputs into a build cache and lists it.
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

// packAll writes all outputs of a cache into a pack, and reads it.
func packAll(t *testing.T, l Local) (members map[string]string, c collect.Content, warnings collecttest.Warnings, read int64) {
	t.Helper()
	var all []int32
	for i := range l.inv.Outputs {
		all = append(all, int32(i))
	}
	var buf bytes.Buffer
	w := snapshot.NewWriter(&buf)
	c, err := l.jobs(all)[0].Write(t.Context(), w, collect.Note{Wrote: func(n int64) { read += n }, Warn: warnings.Warn})
	frames, closeErr := w.Close()
	if err = errors.Join(err, closeErr); err != nil {
		t.Fatal(err)
	}
	members = map[string]string{}
	r := snapshot.NewReader(snapshot.Stream(&buf), frames, nil)
	defer r.Close()
	for {
		m, err := r.Next()
		if err == io.EOF {
			return members, c, warnings, read
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members[m.Name] = string(data)
	}
}

// path of an output in GOCACHE.
func outputFile(output string) string {
	return outputName(buildcache.Output{ID: digest.Of([]byte(output))})
}

// TestWrite: a pack has the outputs under their names in GOCACHE. What is not what its name says,
// or is not there any more, is left out, with a warning, and costs nothing else.
func TestWrite(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", snapshot.FrameSize/16+1)
	for name, c := range map[string]struct {
		spoil   func(file string) error
		warning string
	}{
		"whole":        {nil, ""},
		"other bytes":  {func(f string) error { return os.WriteFile(f, []byte("SMALL"), 0o666) }, "does not match its name"},
		"cut off":      {func(f string) error { return os.Truncate(f, 2) }, "is not saved"},
		"gone":         {os.Remove, "is not saved"},
		"large, other": {nil, "does not match its name"},
		"large, whole": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			outputs := []string{"small", "", "the last"}
			bad := "small"
			if strings.HasPrefix(name, "large") {
				outputs, bad = append(outputs, large), large
			}
			if name == "large, other" {
				c.spoil = func(f string) error { return os.WriteFile(f, []byte(strings.ToUpper(large)), 0o666) }
			}
			l := cacheWith(t, dir, outputs...)
			if c.spoil != nil {
				if err := c.spoil(filepath.Join(dir, filepath.FromSlash(outputFile(bad)))); err != nil {
					t.Fatal(err)
				}
			}
			got, content, warnings, read := packAll(t, l)
			want := map[string]string{}
			var raw int64
			for _, o := range outputs {
				if c.warning == "" || o != bad {
					want[outputFile(o)] = o
					raw += int64(len(o))
				}
			}
			if len(got) != len(want) || content.Members != len(want) || content.Raw != raw || read != raw {
				t.Errorf("%d members, %+v, %d bytes read", len(got), content.Members, read)
			}
			for name, data := range want {
				if got[name] != data {
					t.Errorf("%s has %d bytes", name, len(got[name]))
				}
			}
			if w := content.Of.(written); len(w.outputs) != len(want) || len(w.frames) != len(want) {
				t.Errorf("%d placed", len(w.outputs))
			}
			if !warnings.Mention(c.warning) {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// TestLargest: the largest outputs are told by kind and name, those of one together.
func TestLargest(t *testing.T) {
	dir := t.TempDir()
	l := cacheWith(t, dir, "go index v2 "+strings.Repeat("x", 100), "go index v2 "+strings.Repeat("y", 200), "other bytes", "mode: set\n")
	m := collecttest.Manifest(t, "")
	b := snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: collecttest.Pack("p"), Size: 9, Frames: []snapshot.Frame{{Size: 20, Raw: 1 << 20}}})
	off := int64(0)
	for i, o := range l.inv.Outputs {
		b.AddOutput(snapshot.Output{ID: o.ID, Size: o.Size, Pack: p, Off: off})
		b.AddAction(digest.ID{byte(i)}, o.ID, 0, 0)
		off += o.Size
	}
	b.AddOutput(snapshot.Output{ID: digest.ID{9}, Size: 1 << 19, Pack: p, Off: off}) // not here
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

// TestItems: contents and programs are numbered, so that what entries share is counted once.
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
