// Package collecttest lets tests of snapshots be tables of texts: a manifest is written and read as
// lines, and caches are made of a few files, without any go command.
//
//	entry  ACTION OUTPUT SIZE PACK [time=N] [use=AGE] [exec=NAME] [frame=N] [with=OUTPUT]
//	module PATH@VERSION BYTES [use=AGE] [sum=NAME] [insum]
//	tree   NAME PACK FILES BYTES SUM
//	file   PATH NAME SUM SIZE PACK [use=AGE] [exec]
//	graph  PATH@VERSION [use=AGE]
//	built  NAME=DIGIT [use=AGE]
//
// IDs, packs and sums are short names, an AGE is hours before Now, such as 30h. The raw size of a
// pack is what lies in it, unless a line "pack NAME RAW" says otherwise. An output with another one
// begins with the bytes of that, where they lie; only the rest lies in its own pack.
package collecttest

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// Now is when saves of tests begin.
var Now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// Ago returns Unix seconds some hours before Now.
func Ago(hours int) int64 { return Now.Add(-time.Duration(hours) * time.Hour).Unix() }

// ID is the one with a name.
func ID(name string) (id digest.ID) {
	copy(id[:], name)
	return id
}

// Name is the name of an ID.
func Name(id digest.ID) string { return string(bytes.TrimRight(id[:], "\x00")) }

// Hex is a name as a hash in hex.
func Hex(name string) string { return ID(name).String() }

func unhex(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(digest.ID{}) {
		return s
	}
	return Name(digest.ID(b))
}

// Pack is the name of the object of a pack.
func Pack(name string) string { return snapshot.PackObject("r", "s", ID(name)) }

// Module is the name of the object of a module version.
func Module(v module.Version, sum string) string {
	return "v2/modules/" + v.Path + "/@v/" + v.Version + "/" + Hex(sum)
}

// Version reads PATH@VERSION.
func Version(s string) module.Version {
	p, v, _ := strings.Cut(s, "@")
	return module.Version{Path: p, Version: v}
}

// frameRaw is the size of all frames: more than tests put into one.
const frameRaw = 1 << 20

// builder reads lines.
type builder struct {
	m     *snapshot.Manifest
	b     *snapshot.Builder
	raw   map[string]int64         // of packs
	said  map[string]bool          // packs with a line
	ends  map[string][frames]int64 // of each pack, where its frames are filled to
	kept  map[string]bool          // packs with outputs
	made  map[string]snapshot.Output
	lines [][]string
}

// frames is how many frames with content each pack has.
const frames = 4

// Manifest reads a manifest. Empty text is an empty manifest.
func Manifest(t testing.TB, text string) *snapshot.Manifest {
	t.Helper()
	r := &builder{
		m: &snapshot.Manifest{Repo: "r", Scope: "s", Key: []string{"n", "linux", "amd64", "go1.26", "d"}, Digest: "d"},
		b: snapshot.NewBuilder(), raw: map[string]int64{}, said: map[string]bool{}, ends: map[string][frames]int64{},
		kept: map[string]bool{}, made: map[string]snapshot.Output{},
	}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			r.lines = append(r.lines, f)
		}
	}
	r.size(t)
	for _, f := range r.lines {
		r.line(t, f)
	}
	r.b.Build(r.m)
	return r.m
}

// size finds out how large packs are.
func (r *builder) size(t testing.TB) {
	seen := map[string]bool{} // outputs that several entries have
	sizes := map[string]int64{}
	for _, f := range r.lines {
		switch f[0] {
		case "pack":
			r.raw[f[1]], r.said[f[1]] = number(t, f[2]), true
		case "entry", "tree", "file":
			pack, size := f[4], f[3]
			if f[0] == "tree" {
				pack, size = f[2], f[4]
			} else if f[0] == "file" {
				pack, size = f[5], f[4]
			}
			if again := f[0] == "entry" && seen[pack+f[2]]; !r.said[pack] && !again {
				r.raw[pack] += number(t, size)
				if f[0] == "entry" {
					r.raw[pack] -= sizes[options(t, f).with]
				}
			}
			if f[0] == "entry" {
				r.kept[pack], sizes[f[2]] = true, number(t, size)
			}
			seen[pack+f[2]] = true
		}
	}
}

func (r *builder) pack(name string) int {
	p := snapshot.Pack{Object: Pack(name), Raw: r.raw[name]}
	n := frames
	if r.kept[name] {
		n++ // the list of chunks
		p.Chunks = 1
	}
	for i := range n {
		p.Frames = append(p.Frames, snapshot.Frame{Size: 100, Raw: frameRaw, Sum: ID(name + strconv.Itoa(i))})
		p.Size += 100
	}
	return r.b.AddPack(p)
}

func (r *builder) line(t testing.TB, f []string) {
	t.Helper()
	o := options(t, f)
	switch f[0] {
	case "pack":
	case "entry":
		r.entry(t, f, o)
	case "module":
		v := Version(f[1])
		sum := cmp.Or(o.sum, "h1:x")
		r.m.Modules = append(r.m.Modules, snapshot.Module{
			Path: v.Path, Version: v.Version, Sum: sum, Object: Module(v, sum), Size: 10, Files: 1, Bytes: number(t, f[2]), LastUse: o.use, InSum: o.inSum,
		})
		slices.SortFunc(r.m.Modules, func(a, b snapshot.Module) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
		})
	case "tree":
		r.b.AddTree(snapshot.Tree{Name: f[1], Pack: r.pack(f[2]), Files: int(number(t, f[3])), Bytes: number(t, f[4]), Sum: Hex(f[5])})
	case "file":
		r.b.AddFile(f[1], snapshot.PathFile{Name: f[2], Sum: Hex(f[3]), Size: number(t, f[4]), Pack: r.pack(f[5]), LastUse: o.use, Exec: o.flag})
	case "graph":
		v := Version(f[1])
		r.m.Graph = append(r.m.Graph, snapshot.GraphUse{Path: v.Path, Version: v.Version, LastUse: o.use})
	case "built":
		name, digit, _ := strings.Cut(f[1], "=")
		r.m.AddBuild(snapshot.Build{With: map[string]string{name: strings.Repeat(digit, 16)}, LastUse: o.use})
	default:
		t.Fatalf("line %q", f)
	}
}

func (r *builder) entry(t testing.TB, f []string, o opts) {
	t.Helper()
	size := number(t, f[3])
	output := ID(f[2])
	if !r.b.Has(output) {
		made := snapshot.Output{ID: output, Size: size, Exec: o.exec, Extents: slices.Clone(r.made[o.with].Extents)}
		made.Extents = append(made.Extents, r.extents(t, f[4], o.frame, size-r.made[o.with].Size)...)
		r.b.AddOutput(made)
		r.made[f[2]] = made
	}
	r.b.AddAction(ID(f[1]), output, o.time, o.use)
}

// extents are the next bytes of a pack from a frame on, in as many frames as they need.
func (r *builder) extents(t testing.TB, name string, frame int, size int64) (list []snapshot.Extent) {
	t.Helper()
	ends, pack := r.ends[name], int32(r.pack(name))
	for ; size > 0; frame++ {
		if frame == frames {
			t.Fatalf("pack %s is full", name)
		}
		n := min(size, frameRaw-ends[frame])
		list = append(list, snapshot.Extent{Pack: pack, Frame: int32(frame), Off: int32(ends[frame]), Len: int32(n)})
		ends[frame] += n
		size -= n
	}
	r.ends[name] = ends
	return list
}

// opts are what stands behind the fixed fields of a line.
type opts struct {
	use, time   int64
	sum, exec   string
	with        string
	frame       int
	inSum, flag bool
}

func options(t testing.TB, f []string) opts {
	t.Helper()
	o := opts{use: Now.Unix()}
	for _, s := range f[1:] {
		key, value, _ := strings.Cut(s, "=")
		switch key {
		case "use":
			o.use = Ago(int(number(t, strings.TrimSuffix(value, "h"))))
		case "time":
			o.time = number(t, value)
		case "sum":
			o.sum = value
		case "exec":
			o.exec, o.flag = value, true
		case "with":
			o.with = value
		case "frame":
			o.frame = int(number(t, value))
		case "insum":
			o.inSum = true
		}
	}
	return o
}

func number(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Print writes a manifest as Manifest reads it, in one order.
func Print(m *snapshot.Manifest) string {
	var s []string
	add := func(format string, args ...any) { s = append(s, strings.TrimRight(fmt.Sprintf(format, args...), " ")) }
	pack := func(i int) string { return unhex(path.Base(m.Packs[i].Object)) }
	packs := func(o snapshot.Output) string { // all in which it lies
		var names []string
		for _, e := range o.Extents {
			names = append(names, pack(int(e.Pack)))
		}
		slices.Sort(names)
		return cmp.Or(strings.Join(slices.Compact(names), "+"), "-")
	}
	for _, a := range m.Actions {
		o := m.Outputs[a.Output]
		add("entry %s %s %d %s%s%s%s", Name(a.ID), Name(o.ID), o.Size, packs(o), option("time", a.Time), age(a.LastUse), option("exec", o.Exec))
	}
	for _, x := range m.Modules {
		sum, inSum := x.Sum, ""
		if sum == "h1:x" {
			sum = ""
		}
		if x.InSum {
			inSum = " insum"
		}
		add("module %s@%s %d%s%s%s", x.Path, x.Version, x.Bytes, age(x.LastUse), option("sum", sum), inSum)
	}
	for _, t := range m.Trees {
		add("tree %s %s %d %d %s", t.Name, pack(t.Pack), t.Files, t.Bytes, unhex(t.Sum))
	}
	for _, p := range m.Paths {
		for _, f := range p.Files {
			exec := ""
			if f.Exec {
				exec = " exec"
			}
			add("file %s %s %s %d %s%s%s", p.Name, f.Name, unhex(f.Sum), f.Size, pack(f.Pack), age(f.LastUse), exec)
		}
	}
	for _, g := range m.Graph {
		add("graph %s@%s%s", g.Path, g.Version, age(g.LastUse))
	}
	for _, b := range m.Builds {
		for name, value := range b.With {
			add("built %s=%s%s", name, value[:1], age(b.LastUse))
		}
	}
	return strings.Join(s, "\n")
}

func option(key string, value any) string {
	if value == "" || value == int64(0) {
		return ""
	}
	return fmt.Sprintf(" %s=%v", key, value)
}

func age(use int64) string {
	if use == Now.Unix() {
		return ""
	}
	return fmt.Sprintf(" use=%dh", (Now.Unix()-use)/3600)
}

// Compare reports a difference between what a manifest is and what it should be. The order of lines
// and the spaces between fields do not matter.
func Compare(t testing.TB, m *snapshot.Manifest, want string) {
	t.Helper()
	if got, want := Sorted(Print(m)), Sorted(want); got != want {
		t.Errorf("the manifest is\n%s\nwant\n%s", got, want)
	}
	if _, err := m.Encode(); err != nil {
		t.Errorf("it cannot be written: %v", err)
	}
}

// Sorted sorts the lines of a text, with single spaces between fields.
func Sorted(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			lines = append(lines, strings.Join(f, " "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
