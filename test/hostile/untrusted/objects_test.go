package untrusted

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
)

// bytesCase is an object that an attacker has put in the place of another one.
type bytesCase struct {
	name   string
	object []byte
	reason string // part of the reason for which it is refused
}

// mustLose checks that a loss with this name and reason is reported.
func (w bytesWorld) mustLose(t *testing.T, res *restore.Result, what, reason string) {
	t.Helper()
	found := false
	for _, l := range res.Losses {
		found = found || strings.Contains(l.What, what) && strings.Contains(l.Reason, reason) && l.Kind == "refused"
	}
	if !found {
		t.Errorf("no loss of %q because of %q in %+v", what, reason, res.Losses)
	}
}

// bytesWhole counts what a restore of the sample brings.
type bytesWhole struct{ modules, build, files int }

func bytesCounts(r *restore.Result) bytesWhole {
	return bytesWhole{r.Modules.Restored, r.Build.Restored, r.Files.Restored}
}

var bytesAll = bytesWhole{len(bytesModules), len(bytesOutputs), len(bytesLint)}

// mustHave checks the counts, and whether files of the trees are there.
func (w bytesWorld) mustHave(t *testing.T, res *restore.Result, want bytesWhole, trees bool) {
	t.Helper()
	if got := bytesCounts(res); got != want {
		t.Errorf("restored %+v, want %+v; losses %+v", got, want, res.Losses)
	}
	for _, f := range []string{filepath.Join(w.mod(), bytesGraph), filepath.Join(w.build(), bytesFuzz)} {
		if _, err := os.Stat(f); (err == nil) != trees {
			t.Errorf("%s: %v, want it to be there: %v", f, err, trees)
		}
	}
}

func TestBytesSampleIsRestored(t *testing.T) {
	w := bytesStore(t)
	res := w.restore(t)
	w.mustHave(t, res, bytesAll, true)
	if len(res.Losses) > 0 || !res.Exact {
		t.Errorf("%+v", res)
	}
}

// bytesBombs returns objects whose frames are not what they claim to be.
func bytesBombs(t *testing.T) []bytesCase {
	whole := bytesFrames(bytesTar(t, bytesModules[0].members()...))
	huge := bytesFrame(bytesZeros(1<<40, 1<<20))
	many := bytes.Repeat(bytesFrame(bytesZeros(0, 0)), 100_000)
	claim := bytes.Clone(whole[:16])
	binary.LittleEndian.PutUint32(claim[8:], 1<<32-1)
	// window of 128 KiB, then an empty last block
	noSize := []byte{0x28, 0xB5, 0x2F, 0xFD, 0, 0x40, 0x01, 0, 0}
	window := append([]byte{0x28, 0xB5, 0x2F, 0xFD, 0xC0, 0xF8}, binary.LittleEndian.AppendUint64(nil, 1<<20)...)
	skip := append(binary.LittleEndian.AppendUint32(nil, 0x184D2A50), 0xFF, 0xFF, 0xFF, 0x7F)
	return []bytesCase{
		{"a terabyte is claimed", huge, "frame of unknown, too large or no size"},
		{"a kilobyte is claimed, 16 MiB come", bytesFrame(bytesZeros(1<<10, 16<<20)), "corrupt"},
		{"16 MiB are claimed, a kilobyte comes", bytesFrame(bytesZeros(16<<20, 1<<10)), "corrupt"},
		{"16 MiB and a byte", bytesFrame(bytesZeros(16<<20+1, 16<<20+1)), "frame of unknown, too large or no size"},
		{"window of two terabytes", bytesFrame(append(window, 1, 0, 0)), "window"},
		{"no content size", bytesFrame(noSize), "frame of unknown, too large or no size"},
		{"a second frame of 16 MiB in the first", bytesFrame(append(bytesZeros(1<<10, 1<<10), bytesZeros(16<<20, 16<<20)...)), "corrupt"},
		{"skippable frame of two gigabytes", bytesFrame(skip), "no zstd frame"},
		{"frame header that claims four gigabytes", claim, "no frame header"},
		{"frame header without frame", append(bytes.Clone(whole), 0x50, 0x2a, 0x4d, 0x18), "unexpected EOF"},
		{"100,000 empty frames", many, "frame of unknown, too large or no size"},
		{"garbage behind the last frame", append(bytes.Clone(whole), "garbage and more"...), "no frame header"},
		{"another archive behind the first", append(bytes.Clone(whole), whole...), "data behind the archive"},
		{"3 GiB of zeros behind the archive", append(bytes.Clone(whole), bytes.Repeat(bytesFrame(bytesZeros(16<<20, 16<<20)), 200)...), "data behind the archive"},
		{"cut off", whole[:len(whole)-5], "unexpected EOF"},
		{"empty", nil, "has checksum"},
		{"a web page", []byte("<html>404 not found, and some more text</html>"), "no frame header"},
	}
}

// bytesEscapes returns archives with members that must not be created.
func bytesEscapes(t *testing.T) (list []bytesCase) {
	m := bytesModules[0]
	with := func(x ...bytesMember) []byte { return bytesFrames(bytesTar(t, append(m.members(), x...)...)) }
	add := func(name, reason string, object []byte) { list = append(list, bytesCase{name, object, reason}) }
	for _, name := range []string{
		"/etc/evil", "../evil", m.tree() + "../evil", m.tree() + "x/../../../evil", "./" + m.tree() + "x", m.tree() + "/x", m.tree() + `..\..\evil`, m.tree() + "line\n::error::x", m.tree() + "bell\a", m.tree() + "\xff\xfe",
		m.tree() + strings.Repeat("long/", 1000) + "x",
	} {
		add(fmt.Sprintf("name %.40q", name), "member name", with(bytesFile(name, "evil")))
	}
	for _, name := range []string{m.tree() + "C:x", m.tree() + "aux.txt", m.tree() + "dot.", m.tree() + "x?y", m.tree() + `q"`} {
		add(fmt.Sprintf("name %.40q", name), "malformed file path", with(bytesFile(name, "evil")))
	}
	for _, name := range []string{"C:/evil", "cache/download/example.com/beta/@v/v0.3.0.mod", m.base() + ".lock", m.base() + ".zip", m.base() + "/../list", bytesModules[1].tree() + "evil.go", "cache/lock", "example.com/!alpha@v1.2.0"} {
		reason := "does not belong to the module"
		if strings.Contains(name, "..") {
			reason = "member name"
		}
		add(fmt.Sprintf("name %.40q", name), reason, with(bytesFile(name, "evil")))
	}
	add("element of 300 bytes", "element of 300 bytes", with(bytesFile(m.tree()+strings.Repeat("x", 300), "evil")))
	for kind, name := range map[byte]string{
		tar.TypeSymlink: "symbolic link", tar.TypeLink: "hard link", tar.TypeChar: "character device", tar.TypeBlock: "block device", tar.TypeFifo: "named pipe", tar.TypeDir: "directory",
	} {
		x := bytesMember{tar.Header{Typeflag: kind, Name: m.tree() + "evil", Linkname: "../../../evil", Devmajor: 1, Devminor: 5, Mode: 0o777}, ""}
		add(name, "not a regular file", with(x))
	}
	return list
}

// bytesArchives returns archives with headers that package tar treats specially.
func bytesArchives(t *testing.T) (list []bytesCase) {
	m := bytesModules[0]
	add := func(name, reason string, archive []byte) {
		list = append(list, bytesCase{name, bytesFrames(archive), reason})
	}
	add("GNU sparse file", "corrupt", bytesRaw('S', m.tree()+"x", ""))
	pax := bytesTar(t, bytesMember{tar.Header{Typeflag: tar.TypeReg, Name: m.tree() + "x", PAXRecords: map[string]string{"VENDOR.a": strings.Repeat("a", 32<<10)}}, ""})
	add("extended header of 32 KiB", "headers before a member", pax)
	record := []byte("15 comment=xxx\n")
	chain := bytes.Repeat(append(bytesHeader('x', "x", int64(len(record))), append(record, make([]byte, 512-len(record))...)...), 100_000)
	add("100,000 extended headers", "headers before a member", append(chain, bytesRaw('0', m.tree()+"x", "")...))
	long := strings.Repeat("a/", 400<<10)
	add("GNU name of 800 KiB", "headers before a member", append(bytesRaw('L', "././@LongLink", long)[:512+(len(long)+511)/512*512], bytesRaw('0', "x", "")...))
	add("extended header that never ends", "headers before a member", append(bytesHeader('x', "x", 1<<40), make([]byte, 1<<20)...))
	add("global extended header", "not a regular file", bytesRaw('g', "x", string(record)))
	sparse := []byte("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n30 GNU.sparse.realsize=99999999\n")
	add("sparse file in an extended header", "corrupt", append(append(bytesHeader('x', "x", int64(len(sparse))), append(sparse, make([]byte, 512-len(sparse))...)...), bytesRaw('0', m.tree()+"x", "0\n"+strings.Repeat("\x00", 510))...))
	add("file of 2^60 bytes", "more than", bytesHeader('0', m.tree()+"x", 1<<60))
	add("go.mod of 17 MiB", "more than", bytesHeader('0', m.base()+".mod", 17<<20))
	return list
}

// bytesLiars returns archives with members that a module cannot have, or that do not match its
// hash.
func bytesLiars(t *testing.T) (list []bytesCase) {
	m := bytesModules[0]
	add := func(name, reason string, members []bytesMember) {
		list = append(list, bytesCase{name, bytesFrames(bytesTar(t, members...)), reason})
	}
	tree := slices.IndexFunc(m.members(), func(x bytesMember) bool { return strings.HasPrefix(x.Name, m.tree()) })
	change := func(i int, data string) []bytesMember {
		list := m.members()
		list[i] = bytesFile(list[i].Name, data)
		return list
	}
	first := m.members()[tree]
	add("one more file", "more than 3 files", append(m.members(), bytesFile(m.tree()+"extra.go", "")))
	add("the same file twice", "second file of this name", append(slices.DeleteFunc(m.members(), func(x bytesMember) bool { return x.Name == m.tree()+"sub/b.txt" }), bytesFile(m.tree()+"a.go", "")))
	add("names that differ in case only", "differ in case only", append(slices.DeleteFunc(m.members(), func(x bytesMember) bool { return x.Name == m.tree()+"sub/b.txt" }), bytesFile(m.tree()+"A.GO", "")))
	add("directories that differ in case only", "differ in case only", []bytesMember{bytesFile(m.tree()+"sub/b.txt", "b"), bytesFile(m.tree()+"SUB/c", "")})
	add("a file that is a directory too", "both a file and a directory", []bytesMember{bytesFile(m.tree()+"sub", ""), bytesFile(m.tree()+"sub/b.txt", "b")})
	add("a file less", "has checksum", slices.Delete(m.members(), tree, tree+1))
	add("another content of the same size", "has checksum", change(tree, strings.Repeat("x", len(first.data))))
	add("more bytes than the manifest says", "more than", change(tree, strings.Repeat("x", 1<<20)))
	add("go.mod twice", "second file of this name", append(m.members(), m.members()[1]))
	add("another go.mod", "go.mod of example.com/Alpha@v1.2.0 has checksum", change(1, "module example.com/Alpha\n\nrequire evil.example/x v1.0.0\n"))
	add("no go.mod", "go.mod of example.com/Alpha@v1.2.0 has checksum", slices.Delete(m.members(), 1, 2))
	add(".info of another version", "version is", change(0, `{"Version":"v9.9.9"}`))
	add("wrong .ziphash", "has checksum h1:x", append(m.members(), bytesFile(m.base()+".ziphash", "h1:x")))
	add("files of another module", "does not belong to the module", bytesModules[1].members())
	return list
}

// TestBytesHostileModuleIsRefused: whatever lies in the place of a module of go.sum, nothing of it
// gets into GOMODCACHE, the report names it, the other entries are restored, and it takes little
// memory and time. This holds with a snapshot that knows the size of the module, and without one.
func TestBytesHostileModuleIsRefused(t *testing.T) {
	m := bytesModules[0]
	for _, c := range slices.Concat(bytesBombs(t), bytesEscapes(t), bytesArchives(t), bytesLiars(t)) {
		t.Run(c.name, func(t *testing.T) {
			w := bytesStore(t)
			w.put(t, m.object(t), c.object)
			res := w.restore(t)
			w.mustLose(t, res, m.v.String(), c.reason)
			w.mustHave(t, res, bytesWhole{bytesAll.modules - 1, bytesAll.build, bytesAll.files}, true)
			for _, name := range []string{m.tree(), m.base() + ".mod", m.base() + ".ziphash"} {
				if _, err := os.Lstat(filepath.Join(w.mod(), name)); err == nil {
					t.Errorf("%s is there", name)
				}
			}
		})
	}
}

// TestBytesModuleWithoutSnapshot: go.sum alone limits what a module can contain.
func TestBytesModuleWithoutSnapshot(t *testing.T) {
	m := bytesModules[0]
	deep := bytesTar(t, func() (list []bytesMember) {
		for i := range 600 {
			list = append(list, bytesFile(fmt.Sprintf("%s%d/%sx", m.tree(), i, strings.Repeat("d/", 60)), ""))
		}
		return list
	}()...)
	names := bytesTar(t, func() (list []bytesMember) {
		for i := range 10_000 {
			list = append(list, bytesFile(fmt.Sprintf("%s%d-%s/%sx", m.tree(), i, strings.Repeat("A", 200), strings.Repeat(strings.Repeat("b", 250)+"/", 14)), ""))
		}
		return list
	}()...)
	for _, c := range []bytesCase{
		{"600 MiB", bytesFrames(bytesHeader('0', m.tree()+"x", 600<<20)), "more than 524288000 bytes"},
		{"directories without end", bytesFrames(deep), "more than 32768 directories"},
		{"deep directories", bytesFrames(bytesTar(t, bytesFile(m.tree()+strings.Repeat("d/", 1900)+"x", ""))), "directories deep"},
		{"names without end", bytesFrames(names), "bytes of names"},
		{"one more file", bytesFrames(bytesTar(t, append(m.members(), bytesFile(m.tree()+"extra.go", ""))...)), "has checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := bytesStore(t)
			bytesMust(t, os.Remove(w.file(bytesExact(t))))
			bytesMust(t, os.Remove(w.file(bytesLatest(t))))
			w.put(t, m.object(t), c.object)
			res := w.restore(t)
			w.mustLose(t, res, m.v.String(), c.reason)
			if res.Modules.Restored != 1 {
				t.Errorf("modules %+v", res.Modules)
			}
		})
	}
	t.Run("object of 2 GiB", func(t *testing.T) {
		w := bytesStore(t)
		bytesMust(t, os.Truncate(w.file(m.object(t)), 2<<30))
		w.mustLose(t, w.restore(t), m.v.String(), "object of 2147483648 bytes")
	})
}

// TestBytesHostilePackIsRefused: a pack whose bytes do not have the hash in the manifest is never
// decoded, and only what lies in it is lost.
func TestBytesHostilePackIsRefused(t *testing.T) {
	for _, c := range bytesBombs(t) {
		if len(c.object) == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := bytesStore(t)
			for _, p := range w.manifest(t).Packs {
				w.put(t, p.Object, c.object)
			}
			res := w.restore(t)
			// One output is empty, so it has no bytes in any pack.
			w.mustHave(t, res, bytesWhole{bytesAll.modules, 1, 0}, false)
			for _, p := range w.manifest(t).Packs {
				w.mustLose(t, res, p.Object, "")
			}
		})
	}
}

// withTree puts a pack with an archive in the place of a tree, with all hashes right.
func (w bytesWorld) withTree(t *testing.T, name string, archive []byte, files int) {
	t.Helper()
	p, stored := bytesPack(archive)
	w.put(t, p.Object, stored)
	m := w.manifest(t)
	w.rebuild(t, m, func(tr snapshot.Tree) (snapshot.Tree, snapshot.Pack) {
		if tr.Name == name {
			return snapshot.Tree{Name: name, Files: files, Bytes: 1 << 30, Sum: tr.Sum}, p
		}
		return tr, m.Packs[tr.Pack]
	}, nil)
}

// rebuild stores the manifest with other packs for its trees and for the files of its path.
func (w bytesWorld) rebuild(t *testing.T, m *snapshot.Manifest, tree func(snapshot.Tree) (snapshot.Tree, snapshot.Pack), path *snapshot.Pack) {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, o := range m.Outputs {
		b.AddOutputOf(m, o)
	}
	for _, a := range m.Actions {
		b.AddAction(a.ID, m.Outputs[a.Output].ID, a.Time, a.LastUse)
	}
	for _, tr := range m.Trees {
		p := m.Packs[tr.Pack]
		if tree != nil {
			tr, p = tree(tr)
		}
		tr.Pack = b.AddPack(p)
		b.AddTree(tr)
	}
	for _, f := range m.Paths[0].Files {
		p := m.Packs[f.Pack]
		if path != nil {
			p = *path
		}
		f.Pack = b.AddPack(p)
		b.AddFile(m.Paths[0].Name, f)
	}
	b.Build(m)
	w.changed(t, m)
}

// TestBytesHostileTreeIsRefused: an attacker who can write packs and manifests can put files into
// the module cache only where files of the module graph and the checksum database lie, and into the
// build cache only below fuzz.
func TestBytesHostileTreeIsRefused(t *testing.T) {
	type c struct {
		tree, name, reason string
		size               int64
	}
	cases := []c{
		{snapshot.TreeModGraph, "/etc/evil", "member name", 0},
		{snapshot.TreeModGraph, "../evil", "member name", 0},
		{snapshot.TreeModGraph, "cache/download/../../../evil", "member name", 0},
		{snapshot.TreeModGraph, "evil@v1.0.0/x.go", "not a file of the module graph", 0},
		{snapshot.TreeModGraph, "cache/download/example.com/beta/@v/v0.3.0.ziphash", "not a file of the module graph", 0},
		{snapshot.TreeModGraph, "cache/download/example.com/Gamma/@v/v1.0.0.mod", "not a file of the module graph", 0},
		{snapshot.TreeModGraph, "cache/download/sumdb/nul", "malformed file path", 0},
		{snapshot.TreeModGraph, "cache/download/sumdb/" + strings.Repeat("x", 300), "name too long", 3},
		{snapshot.TreeModGraph, bytesGraph, "is not a go.mod", 0},
		{snapshot.TreeModGraph, "cache/download/example.com/x/@v/v1.0.0.mod", "which has 104857600", 100 << 20},
		{snapshot.TreeFuzz, "../evil", "member name", 0},
		{snapshot.TreeFuzz, "00/evil-d", "not a file of the fuzzing corpus", 0},
		{snapshot.TreeFuzz, "trim.txt", "not a file of the fuzzing corpus", 0},
		{snapshot.TreeFuzz, "fuzz/" + strings.Repeat("x", 300), "name too long", 3},
		{snapshot.TreeFuzz, "fuzz/x", "which has 209715200", 200 << 20},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %.30q", c.tree, c.name), func(t *testing.T) {
			w := bytesStore(t)
			archive := bytesTar(t, bytesFile(c.name, strings.Repeat("x", int(min(c.size, 9)))))
			if c.size > 9 {
				archive = bytesHeader('0', c.name, c.size)
			}
			w.withTree(t, c.tree, archive, 5)
			res := w.restore(t)
			w.mustLose(t, res, "", c.reason)
			if got := bytesCounts(res); got != bytesAll {
				t.Errorf("restored %+v; losses %+v", got, res.Losses)
			}
		})
	}
	for name, archive := range map[string][]byte{
		"more files than announced":          bytesTar(t, bytesFile("fuzz/a", ""), bytesFile("fuzz/b", ""), bytesFile("fuzz/c", "")),
		"a file in the place of a directory": bytesTar(t, bytesFile("fuzz/a", ""), bytesFile("fuzz/a/b", "")),
	} {
		t.Run(name, func(t *testing.T) {
			w := bytesStore(t)
			w.withTree(t, snapshot.TreeFuzz, archive, 2)
			res := w.restore(t)
			w.mustLose(t, res, "", map[bool]string{true: "more than 2 files", false: "not a directory"}[name == "more files than announced"])
			if got := bytesCounts(res); got != bytesAll {
				t.Errorf("restored %+v; losses %+v", got, res.Losses)
			}
		})
	}
}
