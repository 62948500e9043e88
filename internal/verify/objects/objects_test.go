package objects

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

func faults(res *Result) (list []string) {
	for _, f := range res.Faults {
		list = append(list, fmt.Sprintf("%s %s %s", f.Status, f.Kind, f.Evidence))
	}
	return list
}

// TestAllWell: nothing is wrong, everything was read, and an old signature is as good as a new one.
func TestAllWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, err := w.run(Options{Trust: w.trust})
	must(t, err)
	if len(res.Faults) > 0 || res.Worst() != finding.OK {
		t.Errorf("%q", faults(res))
	}
	for kind, want := range map[snapshot.Kind]int64{snapshot.KindManifest: 1, snapshot.KindPack: 2, snapshot.KindModule: 3, snapshot.KindProxy: 1, snapshot.KindHealth: 1} {
		if c := res.Checked[kind]; c.Objects != want || c.Bytes == 0 || c.Before != 0 {
			t.Errorf("%s: %+v, want %d", kind, c, want)
		}
	}
	if res.Other.Objects != 1 {
		t.Errorf("other objects: %+v", res.Other)
	}
}

// TestFaults: each fault is found, and named for what it is.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w *world)
		trust bool
		want  []string // parts of the faults, in order
	}{
		"a byte of a pack":              {spoil: func(w *world) { w.flip(w.packs[0], -1) }, want: []string{"fail pack corrupt: the SHA-256 of its"}},
		"a byte of a frame header":      {spoil: func(w *world) { w.flip(w.packs[0], 1) }, want: []string{"fail pack corrupt: no frame header"}},
		"a pack that was cut off":       {spoil: func(w *world) { w.put(w.packs[0], w.get(w.packs[0])[:20]) }, want: []string{"fail pack unexpected EOF"}},
		"a list that lies":              {spoil: (*world).lie, want: []string{"fail pack corrupt: chunk 1 has another hash than its list says"}},
		"a list of nothing":             {spoil: func(w *world) { w.listed(make([]byte, 1<<10), 2) }, want: []string{"fail pack corrupt: list of chunks: entry 0"}},
		"a list that is too short":      {spoil: func(w *world) { w.listed(firstEntry(w), 1) }, want: []string{"fail pack corrupt: list of chunks: 20000 of 23000 bytes"}},
		"chunks that a manifest says":   {spoil: func(w *world) { w.m.Packs[0].Chunks++; w.putManifest() }, want: []string{"fail manifest of v2/repos/"}},
		"no chunks, says a manifest":    {spoil: otherManifest(func(p *snapshot.Pack) { p.Chunks = 0 }), want: []string{"fail manifest of v2/repos/"}},
		"a list that one manifest says": {spoil: otherManifest(longerList(9)), want: []string{"fail manifest of v2/repos/"}},
		"a list that the only manifest says": {
			spoil: func(w *world) { longerList(9)(&w.m.Packs[0]); w.putManifest() }, want: []string{"fail manifest of v2/repos/"},
		},
		"a list that lies, and manifests that do": {
			spoil: func(w *world) {
				w.lie()
				for i := range int64(5) {
					otherManifest(longerList(i + 1))(w)
				}
			},
			want: []string{"fail pack corrupt: chunk 1 has another hash than its list says"},
		},
		"a pack that is missing":       {spoil: func(w *world) { w.remove(w.packs[0]) }, want: []string{"fail manifest it names v2/repos/"}},
		"a byte of a module":           {spoil: func(w *world) { w.flip(w.modules[0], 60) }, want: []string{"fail module "}},
		"a module under another name":  {spoil: func(w *world) { w.put(w.modules[0], w.get(w.modules[1])) }, want: []string{"fail module corrupt: it has the file"}},
		"a module with another hash":   {spoil: otherHash, want: []string{"fail module corrupt: the h1 hash of its tree is"}},
		"a byte of its list of files":  {spoil: func(w *world) { w.flip(w.modules[0], -1) }, want: []string{"warn module no save can build upon it"}},
		"a module that is missing":     {spoil: func(w *world) { w.remove(w.modules[0]) }, want: []string{"fail manifest it names v2/modules/"}},
		"a byte of a delta":            {spoil: func(w *world) { w.flip(w.modules[2], -20) }, want: []string{"fail module "}},
		"a byte of its beginning":      {spoil: func(w *world) { w.flip(w.modules[2], 15) }, want: []string{"fail module v2/modules/"}},
		"the base of a delta is gone":  {spoil: func(w *world) { w.remove(w.modules[1]) }, want: []string{"fail manifest it names", "fail module corrupt: what it builds upon"}},
		"a byte of the base":           {spoil: func(w *world) { w.flip(w.modules[1], 60) }, want: []string{"fail module ", "fail module "}},
		"a byte of a manifest":         {spoil: func(w *world) { w.flip(w.manifest, -1) }, want: []string{"fail manifest corrupt: manifest"}},
		"a manifest under another key": {spoil: moved, want: []string{"fail manifest corrupt: it belongs under"}},
		"a later manifest":             {spoil: func(w *world) { w.put(w.manifest, []byte("gocache-manifest 3\n")) }, want: []string{"warn manifest "}},
		"a frame that a manifest says": {
			spoil: func(w *world) { w.m.Packs[0].Frames[0].Sum[0]++; w.putManifest() }, want: []string{"fail manifest of v2/repos/"},
		},
		"a size that a manifest says": {
			spoil: func(w *world) { w.m.Modules[0].Size++; w.putManifest() }, want: []string{"warn manifest of v2/modules/"},
		},
		"files that a manifest says": {
			spoil: func(w *world) { w.m.Modules[0].Files++; w.putManifest() }, want: []string{"fail manifest of v2/modules/"},
		},
		"a version that a manifest says": {
			spoil: func(w *world) { w.m.Modules[0].Version = "v0.9.0"; w.putManifest() }, want: []string{"fail manifest the object of example.com/Sample@v0.9.0 is v2/modules/"},
		},
		"a byte of a small object": {spoil: func(w *world) { w.flip(w.small, -1) }, want: []string{"fail proxy corrupt: hash of a small object"}},
		"a grade that is none":     {spoil: func(w *world) { w.put(w.health, []byte("{}")) }, want: []string{"fail health last grade: "}},
		"notes that are none":      {spoil: func(w *world) { w.put("v2/gc/unnamed", []byte("nonsense")) }, want: []string{"fail notes "}},
		"no signature": {
			trust: true, want: []string{"fail manifest untrusted: not signed"},
			spoil: func(w *world) {
				data, err := w.m.Encode()
				must(w.t, err)
				w.put(w.manifest, data)
			},
		},
		"a signature of somebody else": {trust: true, spoil: signedByOther, want: []string{"fail manifest untrusted: signed by key"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.spoil(w)
			var o Options
			if c.trust {
				o.Trust = w.trust
			}
			res, err := w.run(o)
			must(t, err)
			got := faults(res)
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, f := range res.Faults {
				if listed := strings.Contains(f.Evidence, "list"); f.Kind == snapshot.KindPack && listed != (f.Remedy != "") {
					t.Errorf("%s: remedy %q", f.Evidence, f.Remedy)
				}
			}
			wrong := int64(0)
			for _, kind := range Kinds {
				wrong += res.Checked[kind].Wrong
			}
			if wrong == 0 {
				t.Error("nothing counts as wrong")
			}
		})
	}
}

// firstEntry is the beginning of the list of the first pack.
func firstEntry(w *world) []byte {
	sum := digest.Of(bytes.Repeat([]byte{0, 'x'}, 10_000))
	return binary.AppendUvarint(sum[:24:24], 20_000)
}

// otherManifest adds a manifest that says something else of the first pack.
func otherManifest(change func(p *snapshot.Pack)) func(w *world) {
	return func(w *world) {
		p := *w.packOf(w.packs[0])
		p.Frames = slices.Clone(p.Frames)
		change(&p)
		m := w.m
		m.Key = slices.Clone(m.Key)
		m.Key[0] = fmt.Sprint("list-", p.Frames[1].Size)
		m.Modules, m.Outputs, m.Actions = nil, nil, nil
		m.Packs = []snapshot.Pack{p}
		data, err := m.Encode()
		must(w.t, err)
		w.put(snapshot.ManifestObject(m.Repo, m.Scope, m.Key), data)
	}
}

// longerList says of a pack that its list is stored in some more bytes.
func longerList(n int64) func(p *snapshot.Pack) {
	return func(p *snapshot.Pack) {
		p.Frames[0].Size -= n
		p.Frames[1].Size += n
	}
}

// otherHash puts a sound module under the name of the same version with another hash.
func otherHash(w *world) {
	hash := w.modules[0][strings.LastIndexByte(w.modules[0], '/')+1:]
	other := strings.Repeat("0", 64)
	w.put(strings.Replace(w.modules[0], hash, other, 1), w.get(w.modules[0]))
}

// moved puts the manifest under the key of another job.
func moved(w *world) {
	w.put(strings.Replace(w.manifest, "/job/", "/other/", 1), w.get(w.manifest))
}

func signedByOther(w *world) {
	secret, _, err := note.GenerateKey(rand.Reader, "other")
	must(w.t, err)
	w.signer, err = note.NewSigner(secret)
	must(w.t, err)
	w.putManifest()
}

// TestBesideJobs: what is removed or replaced meanwhile is no fault, unless it is still named.
func TestBesideJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	st := &reading{Collector: w.st}
	st.before = func(name string) error {
		if name == w.small {
			return nil
		}
		if name == w.modules[0] { // a save drops it, and then a collection removes it
			w.m.Modules = w.m.Modules[1:]
			w.putManifest()
			w.remove(w.modules[0])
		}
		return nil
	}
	res, err := w.run(Options{Store: st, Concurrency: 1})
	must(t, err)
	if len(res.Faults) > 0 || res.Checked[snapshot.KindModule].Objects != 2 {
		t.Errorf("%q, %+v", faults(res), res.Checked[snapshot.KindModule])
	}
}

// TestWrongOnTheWay: bytes that are wrong once are no fault of the store.
func TestWrongOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.get(w.packs[1])
	w.flip(w.packs[1], -1)
	reads := 0
	st := &reading{Collector: w.st, before: func(name string) error {
		if name == w.packs[1] {
			if reads++; reads == 3 { // the list and the pack were read once
				w.put(name, good)
			}
		}
		return nil
	}}
	res, err := w.run(Options{Store: st, Concurrency: 1})
	must(t, err)
	if len(res.Faults) > 0 || reads != 4 {
		t.Errorf("%q after %d reads", faults(res), reads)
	}
}

// TestResume: a run that ends early, and one that is killed, leave what they have verified; what
// was wrong, or has changed since, is read again.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flip(w.packs[0], -1)
	file := filepath.Join(t.TempDir(), "state")
	killed := filepath.Join(t.TempDir(), "killed")
	ctx, interrupt := context.WithCancel(context.Background())
	n := 0
	st := &reading{Collector: w.st, before: func(name string) error {
		if kind := kindOf(name); kind == snapshot.KindManifest {
			return nil
		}
		if n++; n == 4 {
			interrupt()
		}
		return ctx.Err()
	}}
	res, err := Run(ctx, Options{Store: st, Concurrency: 1, Resume: file})
	if !errors.Is(err, context.Canceled) || !exists(file) {
		t.Fatalf("interrupted: %v, %+v", err, res)
	}
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(killed, data, 0o600))
	again := &reading{Collector: w.st}
	res, err = w.run(Options{Store: again, Concurrency: 1, Resume: file})
	must(t, err)
	before := int64(0)
	for _, kind := range Kinds {
		before += res.Checked[kind].Before
	}
	if got := faults(res); before < 1 || before > 3 || len(got) != 1 || !strings.HasPrefix(got[0], "fail pack") {
		t.Errorf("resumed: %d verified before, %q", before, got)
	}
	for _, name := range st.names[:len(st.names)-1] {
		if kindOf(name) != snapshot.KindManifest && slices.Contains(again.names, name) && name != w.packs[0] && name != w.modules[1] {
			t.Errorf("%s was read again", name)
		}
	}
	if exists(file) {
		t.Error("the state is still there after the end")
	}
	// One of them changed since the kill.
	verified := st.names[slices.IndexFunc(st.names, func(name string) bool { return kindOf(name) == snapshot.KindModule })]
	time.Sleep(10 * time.Millisecond)
	w.flip(verified, 60)
	res, err = w.run(Options{Resume: killed})
	must(t, err)
	if !slices.ContainsFunc(res.Faults, func(f Fault) bool { return f.Name == verified }) {
		t.Errorf("%s was changed: %q", verified, faults(res))
	}
}

// TestWrongState: what is no state of this store is not overwritten.
func TestWrongState(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	file := filepath.Join(t.TempDir(), "state")
	s, err := openState(file, other.st.String())
	must(t, err)
	must(t, s.add(mark{1}))
	must(t, s.write())
	if _, err := w.run(Options{Resume: file}); !usage.Is(err) || !strings.Contains(err.Error(), "is not the state") {
		t.Errorf("of another store: %v", err)
	}
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, data[:len(data)-1], 0o600))
	if _, err := other.run(Options{Resume: file}); !usage.Is(err) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	if left, _ := os.ReadFile(file); len(left) != len(data)-1 {
		t.Error("it was overwritten")
	}
	if _, err := w.run(Options{Resume: filepath.Join(file, "x")}); err == nil {
		t.Error("a file that cannot be written: no error")
	}
}

// TestStoreFails: a store that does not answer ends the run.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	st := &reading{Collector: w.st, before: func(name string) error {
		if kindOf(name) == snapshot.KindPack {
			return fmt.Errorf("read %s: %w", name, store.ErrUnreachable)
		}
		return nil
	}}
	if res, err := w.run(Options{Store: st}); !errors.Is(err, store.ErrUnreachable) || len(res.Faults) > 0 {
		t.Errorf("%v, %+v", err, res)
	}
}

// TestDenied: an object that may not be read is named, and the others are verified; where nothing
// may be read the run ends.
func TestDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flip(w.packs[1], -1)
	var which func(name string) bool
	st := &reading{Collector: w.st, before: func(name string) error {
		if which(name) {
			return fmt.Errorf("read %s: %w", name, store.ErrDenied)
		}
		return nil
	}}
	for name, c := range map[string]struct {
		which func(name string) bool
		want  []string
	}{
		"a pack":     {func(name string) bool { return name == w.packs[0] }, []string{"fail pack corrupt", "warn pack cannot be read"}},
		"a manifest": {func(name string) bool { return name == w.manifest }, []string{"fail pack corrupt", "warn manifest cannot be read"}},
		"the base of a delta": {
			func(name string) bool { return name == w.modules[1] },
			[]string{"fail pack corrupt", "warn module cannot be read", "warn module cannot be read"},
		},
	} {
		which = c.which
		res, err := w.run(Options{Store: st})
		if got := faults(res); err != nil || !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %v, %q, want %q", name, err, got, c.want)
		}
	}
	for i := range maxDenied {
		w.put(snapshot.SumDBObject("sum.example", fmt.Sprint("lookup/", i)), nil)
	}
	which = func(string) bool { return true }
	if _, err := w.run(Options{Store: st}); !errors.Is(err, store.ErrDenied) {
		t.Errorf("all are denied: %v", err)
	}
}
