package verify

import (
	"archive/zip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/keys"
)

// The versions of a world: one that go.sum names, one that the checksum database knows, and one
// that is private.
var (
	inSum   = module.Version{Path: "example.com/Insum", Version: "v1.0.0"}
	inDB    = module.Version{Path: "example.com/indb", Version: "v1.0.0"}
	private = module.Version{Path: "corp.example.com/private", Version: "v1.0.0"}
)

// world is a module cache with these versions, and a build cache with two entries.
type world struct {
	t   *testing.T
	o   Options
	srv *httptest.Server // the checksum database

	mu    sync.Mutex
	asked []string // paths that it was asked about
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, o: Options{ModDir: t.TempDir(), BuildDir: t.TempDir(), Sums: keys.Sums{Zip: map[module.Version]string{}, Mod: map[module.Version]string{}}}}
	t.Cleanup(func() { _ = osfile.RemoveAll(w.o.ModDir) })
	sums := map[module.Version][2]string{}
	for _, v := range []module.Version{inSum, inDB, private} {
		sums[v] = w.add(v)
	}
	w.o.Sums.Zip[inSum], w.o.Sums.Mod[inSum] = sums[inSum][0], sums[inSum][1]
	w.o.DB = checksumdb.New(checksumdb.Options{GOSUMDB: w.database(sums), GONOSUMDB: "corp.example.com"})
	// As the go command does, w keeps the answer.
	keep := func(name string, data []byte) {
		w.write(filepath.Join(w.o.ModDir, "cache", "download", "sumdb", filepath.FromSlash(name)), string(data))
	}
	_, _, err := w.o.DB.Session(t.Context(), "", keep).Sums(inDB)
	must(t, err)
	w.asked = nil
	w.entry(1, "the first output")
	w.entry(2, strings.Repeat("the second output", 50_000))
	return w
}

// database serves a checksum database that knows inDB, and returns what GOSUMDB says of it.
func (w *world) database(sums map[module.Version][2]string) string {
	secret, public, err := note.GenerateKey(rand.Reader, "sum.example/db")
	must(w.t, err)
	w.srv = httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(secret, func(path, version string) ([]byte, error) {
		w.mu.Lock()
		w.asked = append(w.asked, path)
		w.mu.Unlock()
		v := module.Version{Path: path, Version: version}
		if v != inDB {
			return nil, os.ErrNotExist
		}
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, sums[v][0], path, version, sums[v][1]), nil
	})))
	w.t.Cleanup(w.srv.Close)
	return public + " " + w.srv.URL
}

// file is the path of a file of a version: a suffix of those in cache/download, or a name in its
// tree.
func (w *world) file(v module.Version, name string) string {
	base, err := modcache.DownloadName(v)
	must(w.t, err)
	if !strings.HasPrefix(name, ".") {
		tree, err := modcache.TreeName(v)
		must(w.t, err)
		return filepath.Join(w.o.ModDir, filepath.FromSlash(tree), name)
	}
	return filepath.Join(w.o.ModDir, filepath.FromSlash(base)) + name
}

// write writes a file, also where the go command makes files read-only.
func (w *world) write(file, text string) {
	w.t.Helper()
	must(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	_ = os.Chmod(file, 0o644)
	must(w.t, os.WriteFile(file, []byte(text), 0o644))
}

// link makes a link, where the system allows it.
func (w *world) link(to, file string) {
	w.t.Helper()
	if err := os.Symlink(to, file); err != nil {
		w.t.Skip(err)
	}
}

// sources are the files of a version.
func sources(v module.Version) map[string]string {
	files := map[string]string{"go.mod": "module " + v.Path + "\n", "a.go": "package a\n", "sub/b.go": "package b\n"}
	if v == inSum {
		// so that the tree has two parts
		files["data"] = strings.Repeat("0123456789abcdef", chunkBytes/16)
	}
	return files
}

// writeZip makes a zip as a proxy does.
func (w *world) writeZip(v module.Version, files map[string]string) {
	w.t.Helper()
	must(w.t, os.MkdirAll(filepath.Dir(w.file(v, ".zip")), 0o755))
	f, err := os.Create(w.file(v, ".zip"))
	must(w.t, err)
	z := zip.NewWriter(f)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m, err := z.Create(v.Path + "@" + v.Version + "/" + name)
		must(w.t, err)
		_, err = m.Write([]byte(files[name]))
		must(w.t, err)
	}
	must(w.t, errors.Join(z.Close(), f.Close()))
}

// add adds a version as the go command does, and returns its hashes by the standard package.
func (w *world) add(v module.Version) (sums [2]string) {
	w.t.Helper()
	files := sources(v)
	w.writeZip(v, files)
	for name, text := range files {
		w.write(w.file(v, name), text)
	}
	var err error
	sums[0], err = dirhash.HashZip(w.file(v, ".zip"), dirhash.Hash1)
	must(w.t, err)
	sums[1] = modcache.GoModSum([]byte(files["go.mod"]))
	w.write(w.file(v, ".mod"), files["go.mod"])
	w.write(w.file(v, ".info"), `{"Version":"v1.0.0"}`)
	w.write(w.file(v, ".ziphash"), sums[0])
	must(w.t, filepath.WalkDir(filepath.Dir(w.file(v, "a.go")), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o555)
		}
		return err
	}))
	return sums
}

func actionOf(n byte) digest.ID { return digest.Of([]byte{n}) }

// outputFile is the path of an output by its content.
func (w *world) outputFile(content string) string {
	id := digest.Of([]byte(content)).String()
	return filepath.Join(w.o.BuildDir, id[:2], id+"-d")
}

func (w *world) actionFile(n byte) string {
	id := actionOf(n).String()
	return filepath.Join(w.o.BuildDir, id[:2], id+"-a")
}

// entry writes an entry and its output.
func (w *world) entry(n byte, content string) {
	w.t.Helper()
	e := buildcache.Entry{Action: actionOf(n), Output: sha256.Sum256([]byte(content)), Size: int64(len(content)), Time: time.Now().UnixNano()}
	w.write(w.outputFile(content), content)
	w.write(w.actionFile(n), string(e.AppendText(nil)))
}

func (w *world) run() *Result {
	w.t.Helper()
	res, err := Run(context.Background(), w.o)
	must(w.t, err)
	return res
}

// faults lists faults as text: status, kind, and what became of them.
func faults(res *Result) (list []string) {
	for _, f := range res.Faults {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Status, f.Kind, f.Fixed)))
	}
	return list
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// TestAllWell: nothing is wrong, and each version is proved by who should, or not at all.
func TestAllWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res := w.run()
	if len(res.Faults) > 0 || res.Worst() != finding.OK {
		t.Errorf("faults: %+v", res.Faults)
	}
	for k, want := range map[Kind]Checked{
		Tree: {Objects: 3, Proved: 2, Consistent: 1}, Zip: {Objects: 3, Proved: 2, Consistent: 1},
		GoMod: {Objects: 3, Proved: 2, Consistent: 1}, Output: {Objects: 2, Proved: 2}, Entry: {Objects: 2, Proved: 2},
	} {
		got := *res.Checked[k]
		if got.Bytes == 0 {
			t.Errorf("%s: no bytes", k)
		}
		if got.Bytes = 0; got != want {
			t.Errorf("%s: %+v, want %+v", k, got, want)
		}
	}
	if len(res.Unproved) != 1 || res.Unproved[0].Module != private.String() || !strings.Contains(res.Unproved[0].Reason, "GOPRIVATE") {
		t.Errorf("unproved: %+v", res.Unproved)
	}
	// Nobody to ask: it is not proved, which fails only if somebody demands it.
	w.o.DB = checksumdb.New(checksumdb.Options{GOSUMDB: "off", GONOSUMDB: "corp.example.com"})
	if res := w.run(); len(res.Faults) > 0 || len(res.Unproved) != 2 {
		t.Errorf("without a database: %+v, %+v", res.Faults, res.Unproved)
	}
	w.o.Always = true
	res = w.run()
	if got := faults(res); !slices.Equal(got, []string{"fail tree"}) || !strings.Contains(res.Faults[0].Evidence, "GOSUMDB=off") {
		t.Errorf("demanded: %+v", res.Faults)
	}
	must(t, Fix(context.Background(), w.o, res))
	must(t, Recheck(context.Background(), w.o, res))
	if !exists(w.file(inDB, "a.go")) || res.Worst() != finding.Fail {
		t.Error("what is not proved was removed, or counts as fixed")
	}
	empty := Options{ModDir: filepath.Join(t.TempDir(), "none"), BuildDir: filepath.Join(t.TempDir(), "none")}
	if res, err := Run(context.Background(), empty); err != nil || len(res.Faults) > 0 || exists(empty.ModDir) {
		t.Errorf("no caches: %v, %+v", err, res)
	}
}
