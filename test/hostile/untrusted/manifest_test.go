package untrusted

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// bytesJSON returns the line of a manifest of the sample's key, with additional fields.
func bytesJSON(t testing.TB, fields ...string) []byte {
	k := bytesPlan(t).Key
	head := fmt.Sprintf(`{"repo":%q,"scope":%q,"key":[%q,%q,%q,%q,%q],"digest":%q,"writer":{"time":"2026-01-02T03:04:05Z"}`, bytesRepo, bytesScope, k.Name, k.OS, k.Arch, k.Go, k.Digest, k.Digest)
	return []byte(strings.Join(append([]string{head}, fields...), ",") + "}\n")
}

// bytesList returns a field with a list of very many elements of a few bytes each.
func bytesList(name, element string) string {
	n := 8 << 20 / (len(element) + 1)
	return fmt.Sprintf(`%q:[%s%s]`, name, strings.Repeat(element+",", n), element)
}

// bytesManifestCases are made only once, since some of them take a while.
var bytesManifestCases struct {
	once sync.Once
	list []bytesCase
}

func bytesManifests(t *testing.T) []bytesCase {
	t.Helper()
	bytesManifestCases.once.Do(func() {
		w := bytesStore(t)
		bytesManifestCases.list = bytesMakeManifests(t, w.get(t, bytesExact(t)))
	})
	return bytesManifestCases.list
}

// bytesMakeManifests makes manifests that claim or decompress to far more than there is, or that no
// writer could have written.
func bytesMakeManifests(t *testing.T, good []byte) (list []bytesCase) {
	add := func(name, reason string, object []byte) { list = append(list, bytesCase{name, object, reason}) }
	body := func(name, reason string, parts ...[]byte) {
		add(name, reason, bytesManifest(bytesCompressed(parts...)))
	}
	for _, c := range [][2]string{
		{"packs", "{}"}, {"modules", "{}"}, {"trees", "{}"}, {"graph", "{}"}, {"trend", "{}"}, {"exec", `""`}, {"paths", "{}"},
	} {
		body("millions of "+c[0], "elements", bytesJSON(t, bytesList(c[0], c[1])))
	}
	body("millions of files of a path", "elements", bytesJSON(t, `"paths":[{"name":"lint",`+bytesList("files", "{}")+`}]`))
	body("millions of elements of the key", "a value of more than", bytesJSON(t, bytesList("key", `""`)))
	body("an unknown field of 24 MB", "header too long", bytesJSON(t, `"unknown":[`+strings.Repeat(`"`+strings.Repeat("a", 1000)+`",`, 24_000)+`""]`))
	body("a name of 24 MB", "a value of more than", bytesJSON(t, `"digest":"`+strings.Repeat("a", 24<<20)+`"`))
	body("lists in lists", "nested too deep", bytesJSON(t, `"unknown":`+strings.Repeat("[", 24<<20)))
	body("a line without end", "a value of more than", bytes.Repeat([]byte(" "), 64<<20))
	body("2^40 outputs", "outputs", bytesJSON(t, `"outputs":1099511627776,"actions":0`))
	body("-1 actions", "actions", bytesJSON(t, `"outputs":0,"actions":-1`))
	body("2 million outputs in zeros", "more entries than the stored bytes", bytesJSON(t, `"outputs":2000000,"actions":0`), make([]byte, 74_000_000))
	body("8 million actions and nothing", "more entries than the stored bytes", bytesJSON(t, `"outputs":0,"actions":8000000`))
	pack := fmt.Sprintf(`"packs":[{"object":"v2/repos/r/s/packs/%s","size":0,"raw":0}],"outputs":0,"actions":0`, bytesSum("x"))
	body("a million frames in zeros", "more entries than the stored bytes", bytesJSON(t, pack), binary.AppendUvarint(nil, 1<<20), make([]byte, 34<<20))
	body("2^40 frames", "above", bytesJSON(t, pack), binary.AppendUvarint(nil, 1<<40))
	body("a number without end", "overflow", bytesJSON(t, pack), bytes.Repeat([]byte{0xff}, 1000))
	body("zeros behind the tables", "data behind the tables", bytesJSON(t, `"outputs":0,"actions":0`), make([]byte, 64<<20))
	body("two objects", "data behind the header", []byte("{} {}\n"))
	body("no object", "not an object", []byte("null\n"))
	window := binary.LittleEndian.AppendUint64([]byte{0x28, 0xB5, 0x2F, 0xFD, 0xC0, 0xF8}, 1<<40)
	add("window of two terabytes", "window", bytesManifest(window))
	skip := append(binary.LittleEndian.AppendUint32(nil, 0x184D2A50), 0xFF, 0xFF, 0xFF, 0x7F)
	add("skippable frame of two gigabytes", "EOF", bytesManifest(skip))
	add("a million empty frames", "EOF", bytesManifest(bytes.Repeat([]byte{0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0}, 1<<20)))
	add("header without end", "header does not end", append([]byte("gocache-manifest 2\n"), bytes.Repeat([]byte("x"), 1<<20)...))
	add("no hash", "without hash", []byte("gocache-manifest 2\n\nbody"))
	add("cut off", "manifest hash", good[:len(good)/2])
	add("empty", "not a manifest", nil)
	return append(list, bytesLies(t, good)...)
}

// bytesLies returns manifests in which one statement is not true.
func bytesLies(t *testing.T, good []byte) (list []bytesCase) {
	line, tables := bytesBody(t, good)
	change := func(name, reason, old, new string) {
		changed := strings.ReplaceAll(string(line), old, new)
		if changed == string(line) {
			t.Fatalf("%s: nothing to change in %s", name, line)
		}
		list = append(list, bytesCase{name, bytesManifest(bytesCompressed([]byte(changed+"\n"), tables)), reason})
	}
	beta := bytesModules[1].v.Path
	change("module with a command to the runner", "module", `"path":"`+beta+`"`, `"path":"`+beta+`\n::error::x"`)
	change("module of another name", "out of order", `"path":"`+beta+`"`, `"path":"zzz.example/x"`)
	change("version that is none", "module", `"version":"v0.3.0"`, `"version":"../../x"`)
	change("module that is a snapshot", "module", `"object":"v2/modules/example.com/beta/`, `"object":"v2/repos/r/s/snapshots/`)
	change("module above the store", "module", `"object":"v2/modules/example.com/beta/`, `"object":"v2/modules/../../`)
	change("pack of another kind", "object name", `/packs/`, `/snapshots/`)
	change("negative size", "module", `"files":3`, `"files":-3`)
	change("file above the path", "member name", `"name":"d/b"`, `"name":"../b"`)
	change("absolute file of the path", "member name", `"name":"d/b"`, `"name":"/etc/passwd"`)
	change("file with a command to the runner", "member name", `"name":"d/b"`, `"name":"d/b\n::error::x"`)
	change("the same file of the path twice", `file "a"`, `"name":"d/b"`, `"name":"a"`)
	files := regexp.MustCompile(`"name":"modgraph","pack":\d+,"files":`).FindString(string(line))
	change("ten million files in a tree", "tree", files, files+"999999")
	change("another repository", "manifest was written for", `"repo":"r"`, `"repo":"other"`)
	change("another scope", "manifest was written for", `"scope":"refs/heads/main"`, `"scope":"refs/heads/evil"`)
	twice := bytes.Clone(tables)
	// the manifest is then not what was written, whatever it decodes to
	copy(twice[len(twice)-32-20:], twice)
	list = append(list, bytesCase{"tables that were overwritten", bytesManifest(bytesCompressed(line, []byte("\n"), twice)), "corrupt"})
	list = append(list, bytesCase{"tables that were cut off", bytesManifest(bytesCompressed(line, []byte("\n"), tables[:len(tables)-1])), "EOF"})
	return list
}

// TestBytesHostileManifestIsPassedOver: a hostile manifest is reported, and the next candidate is
// restored whole, within little memory and time.
func TestBytesHostileManifestIsPassedOver(t *testing.T) {
	for _, c := range bytesManifests(t) {
		t.Run(c.name, func(t *testing.T) {
			w := bytesStore(t)
			w.put(t, bytesExact(t), c.object)
			res := w.restore(t)
			w.mustLose(t, res, bytesExact(t), c.reason)
			w.mustHave(t, res, bytesAll, true)
			if res.Matched == nil || res.Matched.Object != bytesLatest(t) {
				t.Errorf("matched %+v", res.Matched)
			}
			for _, l := range res.Losses {
				if strings.ContainsAny(l.What+l.Reason, "\n\r\x1b") {
					t.Errorf("loss with control characters: %q", l)
				}
			}
		})
	}
}

// TestBytesHostileStoreIsMendedBySave: a save over hostile manifests, with hostile modules, packs
// and collection notes as well, ends in time, says what it did, and leaves a store that the next
// job restores whole.
func TestBytesHostileStoreIsMendedBySave(t *testing.T) {
	job := bytesWorld{t.TempDir()}
	job.fill(t)
	t.Cleanup(func() { osfile.RemoveAll(job.mod()) })
	// A save reads manifests with the same code as a restore, so one case of each kind is enough.
	ways := []string{"millions of modules", "millions of files of a path", "2 million outputs in zeros", "zeros behind the tables", "window of two terabytes", "cut off", "module of another name", "another repository"}
	for _, c := range bytesManifests(t) {
		if !slices.Contains(ways, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := bytesStore(t)
			packs := w.manifest(t).Packs
			w.put(t, bytesExact(t), c.object)
			w.put(t, bytesLatest(t), c.object)
			w.put(t, bytesModules[0].object(t), bytesFrame(bytesZeros(1<<40, 1<<20)))
			w.put(t, packs[0].Object, []byte("something else"))
			w.put(t, gcnotes.Object, fmt.Appendf(nil, "gocache-unnamed 1\nsha256 %s\n\n{\"notes\":2000000}\n", bytesSum("x")))
			o := w.saveOptions(t)
			o.ModDir, o.BuildDir, o.Paths = job.mod(), job.build(), job.paths()
			restored := w.restore(t) // its state says what it found
			o.State = &restored.State
			bytesBounded(t, bytesMemory, func(ctx context.Context) {
				res, err := save.Run(ctx, o)
				if err != nil || !res.Written {
					t.Errorf("%+v, %v", res, err)
				}
				if !strings.Contains(fmt.Sprint(res.Warnings), c.reason) {
					t.Errorf("warnings %q do not mention %q", res.Warnings, c.reason)
				}
			})
			next := bytesWorld{t.TempDir()}
			t.Cleanup(func() { osfile.RemoveAll(next.mod()) })
			after := next.restoreOptions(t)
			after.Store = w.open(t)
			got, err := restore.Run(t.Context(), after)
			bytesMust(t, err)
			if bytesCounts(got) != bytesAll || len(got.Losses) > 0 || !got.Exact {
				t.Errorf("after the save: %+v, losses %+v", bytesCounts(got), got.Losses)
			}
		})
	}
}

// TestBytesHostileManifestStopsNoCollection: a garbage collection of a store with such manifests
// ends, within bounds, and removes nothing that another manifest names.
func TestBytesHostileManifestStopsNoCollection(t *testing.T) {
	w := bytesStore(t)
	bombs := bytesManifests(t)
	for i, c := range bombs {
		w.put(t, snapshot.ManifestObject(bytesRepo, fmt.Sprintf("refs/pull/%d", i), bytesPlan(t).Key.Exact()), c.object)
	}
	st, err := dir.Open(w.store())
	bytesMust(t, err)
	bytesBounded(t, 2*bytesMemory, func(ctx context.Context) {
		res, err := gc.Run(ctx, gc.Options{Store: st, MaxAge: 24 * time.Hour, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		if err != nil || res.Total.Objects > 0 {
			t.Errorf("%+v, %v", res, err)
		}
	})
	w.mustHave(t, w.restore(t), bytesAll, true)
}
