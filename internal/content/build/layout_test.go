package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// chunksOf reads chunks such as "a b*9 c:4096": a name, then optionally their number (named a0, a1,
// ...) or their size in bytes (default 100).
func chunksOf(text string) (list []snapshot.Chunk) {
	for _, f := range strings.Fields(text) {
		f, count, many := strings.Cut(f, "*")
		name, size, _ := strings.Cut(f, ":")
		bytes := 100
		if size != "" {
			bytes, _ = strconv.Atoi(size)
		}
		n := 1
		if many {
			n, _ = strconv.Atoi(count)
		}
		for i := range n {
			c := snapshot.Chunk{Sum: snapshot.ChunkSumOf(collecttest.ID(name)), Len: int32(bytes)}
			if many {
				c.Sum = snapshot.ChunkSumOf(collecttest.ID(name + strconv.Itoa(i)))
			}
			list = append(list, c)
		}
	}
	return list
}

// stockOfChunks returns packs described as "NAME: chunks | chunks of the next frame", and their
// lists.
func stockOfChunks(texts ...string) (s stockPacks, lists [][]snapshot.Chunk) {
	var packs []snapshot.Pack
	byName := map[string][]snapshot.Chunk{}
	for _, text := range texts {
		name, frames, _ := strings.Cut(text, ":")
		p := snapshot.Pack{Object: collecttest.Pack(name), Chunks: 1}
		for i, frame := range strings.Split(frames, "|") {
			var off int32
			for _, c := range chunksOf(frame) {
				c.Frame, c.Off = int32(i), off
				off += c.Len
				byName[p.Object] = append(byName[p.Object], c)
			}
			p.Frames = append(p.Frames, snapshot.Frame{Raw: int64(off)})
		}
		p.Frames = append(p.Frames, snapshot.Frame{}) // the list
		packs = append(packs, p)
	}
	s = newStockPacks(packs, func(object string, frame int) bool { return object == collecttest.Pack("bad") && frame == 1 })
	for _, p := range s.packs {
		lists = append(lists, byName[p.Object])
	}
	return s, lists
}

// laidOut lays out outputs of chunks, and prints where each output lies, and what is to be packed.
func laidOut(outputs []string, stock ...string) (where []string, pack string) {
	lay := layoutOfChunks(outputs, stock...)
	name := func(p int32) string {
		if n := int(p) - len(lay.stock.packs); n >= 0 {
			return fmt.Sprint("new", n)
		}
		return nameOf(lay.stock.packs[p].Object)
	}
	for _, o := range lay.outputs {
		var s []string
		for _, e := range lay.extents[o.first : o.first+o.count] {
			s = append(s, fmt.Sprintf("%s.%d[%d:%d]", name(e.Pack), e.Frame, e.Off, e.Off+e.Len))
		}
		where = append(where, strings.Join(s, " "))
	}
	var s []string
	for _, j := range lay.jobs {
		for _, p := range j.pieces {
			e := lay.cuts.table.entry(p.chunk)
			s = append(s, fmt.Sprintf("%s@%d+%d", strings.TrimRight(string(e.sum[:]), "\x00"), p.index, p.off))
		}
	}
	return where, strings.Join(s, " ")
}

func layoutOfChunks(outputs []string, stock ...string) *layout {
	s, lists := stockOfChunks(stock...)
	c := &cuts{table: newChunkTable(), outputs: make([]outputCuts, len(outputs))}
	for i, list := range lists {
		s.index(c.table, i, list)
	}
	for n, text := range outputs {
		c.outputs[n] = outputCuts{index: int32(n), count: -1}
		if text == "unfit" {
			continue
		}
		var refs []int32
		for _, x := range chunksOf(text) {
			refs = append(refs, c.table.find(x.Sum, x.Len))
		}
		c.add(n, refs)
	}
	return layOut(c, s, nil)
}

// TestLayOut: each chunk is taken from an earlier save, or from an earlier place in this one, or is
// new.
func TestLayOut(t *testing.T) {
	for name, c := range map[string]struct {
		stock   []string
		outputs []string
		want    []string
		pack    string
	}{
		"nothing":          {},
		"all new":          {nil, []string{"a b", "c"}, []string{"new0.0[0:200]", "new0.0[200:300]"}, "a@0+0 b@0+100 c@1+0"},
		"empty":            {nil, []string{"", "a"}, []string{"", "new0.0[0:100]"}, "a@1+0"},
		"unfit":            {nil, []string{"a", "unfit", "b"}, []string{"new0.0[0:100]", "new0.0[100:200]"}, "a@0+0 b@2+0"},
		"an earlier place": {nil, []string{"a b c", "x b c y"}, []string{"new0.0[0:300]", "new0.0[300:400] new0.0[100:300] new0.0[400:500]"}, "a@0+0 b@0+100 c@0+200 x@1+0 y@1+300"},
		"in itself":        {nil, []string{"a a b a"}, []string{"new0.0[0:100] new0.0[0:200] new0.0[0:100]"}, "a@0+0 b@0+200"},
		"all is stored":    {[]string{"p1: a b c"}, []string{"a b c", "b"}, []string{"p1.0[0:300]", "p1.0[100:200]"}, ""},
		"stored in two frames": {
			[]string{"p1: a b | c d"}, []string{"a b c d"}, []string{"p1.0[0:200] p1.1[0:200]"}, "",
		},
		"stored in two packs": {
			[]string{"p1: a b", "p2: c d"}, []string{"c a b d"}, []string{"p2.0[0:100] p1.0[0:200] p2.0[100:200]"}, "",
		},
		"something new": {
			[]string{"p1: a b c d"}, []string{"a x c d y"}, []string{"p1.0[0:100] new0.0[0:100] p1.0[200:400] new0.0[100:200]"}, "x@0+100 y@0+400",
		},
		"what goes on is preferred": {
			[]string{"p1: a x b", "p2: a b c"}, []string{"a b c", "a x"}, []string{"p2.0[0:300]", "p1.0[0:200]"}, "",
		},
		"what goes on, in a pack of this save": {
			[]string{"p1: b"}, []string{"a b", "b"}, []string{"new0.0[0:100] p1.0[0:100]", "p1.0[0:100]"}, "a@0+0",
		},
		"the same name and another size": { // b would lie 50 bytes before its place
			[]string{"p1: a:50 c", "p2: c:30"}, []string{"a b c", "a:50 b"},
			[]string{"new0.0[0:200] p1.0[50:150]", "p1.0[0:50] new0.0[100:200]"}, "a@0+0 b@0+100",
		},
		"a bad frame": {
			[]string{"bad: a | b | c"}, []string{"a b c"}, []string{"bad.0[0:100] new0.0[0:100] bad.2[0:100]"}, "b@0+100",
		},
	} {
		where, pack := laidOut(c.outputs, c.stock...)
		if !slices.Equal(where, c.want) || pack != c.pack {
			t.Errorf("%s: %q, packed %q\nwant %q, packed %q", name, where, pack, c.want, c.pack)
		}
	}
}

// TestCapping: of an output with extents in too many places, the longest extents stay where they
// are, and the rest is stored once more, where the next output with the same content finds it as
// well.
func TestCapping(t *testing.T) {
	// p1 has x0, a, x1, b, ...; of the chunks between them, a and d are longest
	const stock = "p1: a:300 x b:90 x c:80 x d:400 x e:200 x f:100 x"
	where, pack := laidOut([]string{"a:300 b:90 c:80 d:400 e:200 f:100"}, stock)
	if want := "p1.0[0:300] new0.0[0:170] p1.0[770:1170] p1.0[1270:1470] p1.0[1570:1670]"; where[0] != want || pack != "b@0+300 c@0+390" {
		t.Errorf("%q, packed %q", where, pack)
	}
	where, pack = laidOut([]string{"a:300 b:90 c:80 d:400 e:200 f:100", "b:90 c:80 y", "b:90 y", "a:300 b:90 c:80 d:400 e:200 f:100"}, stock)
	if where[0] != where[3] {
		t.Errorf("the same content lies at %q and %q", where[0], where[3])
	}
	if where[1] != "new0.0[0:270]" || where[2] != "p1.0[400:490] new0.0[170:270]" || pack != "b@0+300 c@0+390 y@1+170" {
		t.Errorf("%q, packed %q", where, pack)
	}

	// each of the two MiB has a limit of its own
	var chunks, packs []string
	for i := range 4 * maxRuns {
		chunks = append(chunks, fmt.Sprintf("c%d:%d", i, cappedBytes/(2*maxRuns)+1))
		packs = append(packs, fmt.Sprintf("c%d:%d z", i, cappedBytes/(2*maxRuns)+1))
	}
	lay := layoutOfChunks([]string{strings.Join(chunks, " ")}, "p1: "+strings.Join(packs, " "))
	old := 0
	for _, e := range lay.extents {
		if e.Pack == 0 {
			old++
		}
	}
	if old != 2*maxRuns {
		t.Errorf("%d extents of an output of two MiB lie in earlier packs", old)
	}
}

// TestPackSizes: a save that has enough makes some packs for all cores. A pack is ended before it
// gets too large, whatever its chunks are, and the planned places are those where a writer puts the
// chunks.
func TestPackSizes(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int // number of packs
	}{
		"few large chunks":    {"a:65536*200", 3},
		"some large chunks":   {"a:65536*2000", somePacks},
		"many large chunks":   {"a:65536*8000", 11},
		"some usual chunks":   {"a:10000*10000", somePacks},
		"many usual chunks":   {"a:10000*44000", 9},
		"some little ones":    {"a:1*800000", somePacks},
		"just one small pack": {fmt.Sprintf("a:%d*96", 65536-chunkRoom), 1},
		"one chunk too many":  {fmt.Sprintf("a:%d*97", 65536-chunkRoom), 2},
		"just full packs":     {fmt.Sprintf("a:%d*%d", 65536-chunkRoom, 9*768), 9},
	} {
		lay := layoutOfChunks([]string{c.text})
		var spot snapshot.Spot
		total := int32(0)
		for _, j := range lay.jobs {
			spot = snapshot.Spot{}
			for _, p := range j.pieces {
				e := lay.cuts.table.entry(p.chunk)
				frame, off := spot.Place(int(e.at.size()))
				if e.at.frame() != total+frame || e.at.off() != off {
					t.Fatalf("%s: a chunk is planned at %d, %d, not %d, %d", name, e.at.frame(), e.at.off(), total+frame, off)
				}
			}
			total += int32(len(j.frames))
			if j.memory() > collect.GroupBytes || len(j.pieces) > snapshot.MaxPackChunks {
				t.Errorf("%s: a pack of %d bytes and %d chunks", name, j.raw, len(j.pieces))
			}
		}
		if len(lay.jobs) != c.want {
			t.Errorf("%s: %d packs, want %d", name, len(lay.jobs), c.want)
		}
	}
}

// TestStockPacks: chunks are looked up only in packs that the next snapshot names anyway, the most
// used packs first, and only in as many as are worth reading.
func TestStockPacks(t *testing.T) {
	pack := func(name string, chunks int) snapshot.Pack {
		return snapshot.Pack{Object: collecttest.Pack(name), Chunks: chunks, Frames: []snapshot.Frame{{Size: 100}, {Size: 50}}}
	}
	named := []snapshot.Pack{pack("p2", 9), pack("p1", 9), pack("tree", 0), pack("p3", 9), pack("p4", 9)}
	used := []int64{900, 100, 0, 100, 500}
	damage := collect.Damage{}
	damage.Mark(collecttest.Pack("p3"), 1) // the list
	damage.Mark(collecttest.Pack("p4"), 0)
	for name, c := range map[string]struct {
		rewrite string
		missing int64
		want    string
	}{
		"much is missing":    {"", 1 << 20, "p1 p2 p4"},
		"very little":        {"", 50*worthLists - 1, ""},
		"enough for one":     {"", 50 * worthLists, "p2"},
		"enough for two":     {"", 3*50*worthLists - 1, "p2 p4"},
		"just enough":        {"", 3 * 50 * worthLists, "p1 p2 p4"},
		"one is packed anew": {"p1", 1 << 20, "p2 p4"},
	} {
		k := kept{merged: merged{base: collect.Base{Stock: collect.NewStock(nil, damage)}}}
		rewrite := map[string]bool{}
		if c.rewrite != "" {
			rewrite[collecttest.Pack(c.rewrite)] = true
		}
		var got []string
		for _, p := range k.stocked(named, used, nil, rewrite, c.missing).packs {
			got = append(got, nameOf(p.Object))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if nameOf(named[0].Object) != "p2" {
		t.Error("the list has changed")
	}
}

// TestReadLists: lists arrive in the order of the packs, however long each takes.
func TestReadLists(t *testing.T) {
	s, lists := stockOfChunks("p1: a", "p2: b", "p3: c", "p4: d")
	release := make(chan bool)
	var order []int
	err := s.read(t.Context(), collect.Preparing{Requests: 2, List: func(ctx context.Context, p *snapshot.Pack) ([]snapshot.Chunk, error) {
		switch nameOf(p.Object) {
		case "p1":
			<-release
		case "p2":
			release <- true
		}
		return lists[slices.IndexFunc(s.packs, func(x snapshot.Pack) bool { return x.Object == p.Object })], nil
	}}, func(pack int, list []snapshot.Chunk) {
		order = append(order, pack)
		if len(list) != 1 || list[0].Sum != lists[pack][0].Sum {
			t.Errorf("list %d: %+v", pack, list)
		}
	})
	if err != nil || !slices.Equal(order, []int{0, 1, 2, 3}) {
		t.Errorf("%v, %v", order, err)
	}
}

// TestListsAtOnce: however many requests a save may make, few lists are in memory at once.
func TestListsAtOnce(t *testing.T) {
	var texts []string
	for i := range 60 {
		texts = append(texts, fmt.Sprintf("p%d: a", i))
	}
	s, lists := stockOfChunks(texts...)
	var begun, added, most atomic.Int32
	in := collect.Preparing{Requests: 1000, Note: collect.Note{Warn: t.Logf}, List: func(context.Context, *snapshot.Pack) ([]snapshot.Chunk, error) {
		if n := begun.Add(1) - added.Load(); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		return lists[0], nil
	}}
	if err := s.read(t.Context(), in, func(int, []snapshot.Chunk) { added.Add(1) }); err != nil || added.Load() != 60 {
		t.Errorf("%v, %d lists", err, added.Load())
	}
	if most.Load() > maxLists {
		t.Errorf("%d lists at once", most.Load())
	}
}

// TestListsBytes: the lists that are read at once are bounded by the longest of all.
func TestListsBytes(t *testing.T) {
	pack := func(chunks int) snapshot.Pack { return snapshot.Pack{Chunks: chunks} }
	for _, c := range []struct {
		packs []snapshot.Pack
		want  int64 // chunks
	}{
		{nil, 0}, {[]snapshot.Pack{pack(5), pack(7)}, 12}, {append(slices.Repeat([]snapshot.Pack{pack(1)}, 30), pack(100), pack(200)), 300 + maxLists - 2},
	} {
		if got := listsBytes(stockPacks{packs: c.packs}); got != c.want*int64(snapshot.ListBytes) {
			t.Errorf("%d packs: %d bytes, want those of %d chunks", len(c.packs), got, c.want)
		}
	}
}

// TestUnreadLists: a list that was damaged in transit is read again; lists that cannot be read
// cause one warning; and once the store fails, it gets no more requests.
func TestUnreadLists(t *testing.T) {
	var texts []string
	for i := range 20 {
		texts = append(texts, fmt.Sprintf("p%d: a", i))
	}
	s, lists := stockOfChunks(texts...)
	for name, c := range map[string]struct {
		err    error
		often  int // number of failures of each list
		added  int
		failed bool
		warned int
	}{
		"damaged on its way":   {snapshot.ErrCorrupt, 1, 20, false, 0},
		"cut off on its way":   {io.ErrUnexpectedEOF, 1, 20, false, 0},
		"damaged":              {snapshot.ErrCorrupt, 2, 0, false, 1},
		"cut off":              {io.EOF, 2, 0, false, 1},
		"gone":                 {store.ErrNotFound, 1, 0, false, 1},
		"denied":               {store.ErrDenied, 1, 0, false, 1},
		"the store is no more": {store.ErrUnreachable, 1, 0, true, 0},
	} {
		var mu sync.Mutex
		asked := map[string]int{}
		var warnings collecttest.Warnings
		added := 0
		in := collect.Preparing{Requests: 3, Note: collect.Note{Warn: warnings.Warn}, List: func(_ context.Context, p *snapshot.Pack) ([]snapshot.Chunk, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked[p.Object]++; asked[p.Object] <= c.often {
				return nil, fmt.Errorf("list of %s: %w", p.Object, c.err)
			}
			return lists[0], nil
		}}
		err := s.read(t.Context(), in, func(int, []snapshot.Chunk) { added++ })
		if (err != nil) != c.failed || c.failed && !errors.Is(err, c.err) || added != c.added {
			t.Errorf("%s: %v, %d lists", name, err, added)
		}
		if len(warnings) != c.warned || c.warned > 0 && !warnings.Mention("the lists of chunks of 20 packs could not be read") {
			t.Errorf("%s: %q", name, warnings)
		}
		if c.failed && len(asked) > 10 {
			t.Errorf("%s: %d lists were requested", name, len(asked))
		}
	}
}
