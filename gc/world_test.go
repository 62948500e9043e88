package gc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

const (
	day  = 24 * time.Hour
	repo = "github.com/a/b"
	main = "refs/heads/main"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dirStore(t testing.TB) *dir.Store {
	t.Helper()
	s, err := dir.Open(filepath.Join(t.TempDir(), "store"))
	must(t, err)
	return s
}

func s3Store(t testing.TB) (*s3.Store, *storetest.Server) {
	t.Helper()
	g := storetest.Gateway(t)
	g.Bucket(t, "bucket")
	g.Setenv(t)
	s, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Prefix: "pre/fix", Region: "us-east-1", Endpoint: g.Endpoint, PathStyle: true})
	must(t, err)
	return s, g
}

// job is a build cache, with the name and scope under which it is saved.
type job struct {
	dir, name, scope string
	base             string // scope
	clock            time.Time
	maxAge           time.Duration
}

func newJob(t testing.TB, name, scope string) *job {
	t.Helper()
	return &job{dir: t.TempDir(), name: name, scope: scope, clock: time.Now()}
}

// use writes action entries with outputs that are derived from their numbers, or marks them as
// used. It does so without the go command, which would take a hundred times as long.
func (j *job) use(t testing.TB, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		content := storetest.Content(uint64(n), 500+n%1000)
		out := sha256.Sum256(content)
		action := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
		line := fmt.Sprintf("v1 %x %x %20d %20d\n", action, out, len(content), 1_700_000_000_000_000_000+int64(n))
		for name, data := range map[string][]byte{hex.EncodeToString(action[:]) + "-a": []byte(line), hex.EncodeToString(out[:]) + "-d": content} {
			file := filepath.Join(j.dir, name[:2], name)
			must(t, os.MkdirAll(filepath.Dir(file), 0o777))
			must(t, os.WriteFile(file, data, 0o666))
			must(t, os.Chtimes(file, j.clock, j.clock))
		}
	}
}

func (j *job) options(t testing.TB, st store.Store) save.Options {
	t.Helper()
	plan, err := keys.Derive(keys.Input{
		Name: j.name, OS: "linux", Arch: "amd64", GoVersion: "go1.26.0",
		Files: []keys.File{{Path: "go.mod", Data: []byte("module example.com/m\n")}},
	})
	must(t, err)
	return save.Options{
		Store: st, Repo: repo, Scope: j.scope, BaseScope: j.base, Keys: plan, BuildDir: j.dir, MaxAge: j.maxAge,
		Now: func() time.Time { return j.clock },
	}
}

func (j *job) save(t testing.TB, st store.Store) *save.Result {
	t.Helper()
	res, err := save.Run(context.Background(), j.options(t, st))
	must(t, err)
	return res
}

// at returns a clock that is ahead of the store's.
func at(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }

// collect runs a collection with a maximum age of 35 days and a notice period of a day, as of some
// time from now.
func collect(t testing.TB, st store.Collector, ahead time.Duration) *gc.Result {
	t.Helper()
	res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: 35 * day, Grace: day, Now: at(ahead)})
	must(t, err)
	if len(res.Warnings) > 0 {
		t.Errorf("warnings: %q", res.Warnings)
	}
	return res
}

func names(t testing.TB, st store.Collector) []string {
	t.Helper()
	var list []string
	for e, err := range st.List(context.Background(), "") {
		must(t, err)
		list = append(list, e.Name)
	}
	return list
}

// stored lists packs and modules.
func stored(t testing.TB, st store.Collector) []string {
	t.Helper()
	return slices.DeleteFunc(names(t, st), func(n string) bool {
		k, _ := snapshot.KindOf(n)
		return k != snapshot.KindPack && k != snapshot.KindModule
	})
}

// manifests reads all manifests.
func manifests(t testing.TB, st store.Collector) (list []*snapshot.Manifest) {
	t.Helper()
	for _, n := range names(t, st) {
		if k, _ := snapshot.KindOf(n); k != snapshot.KindManifest {
			continue
		}
		data, _, err := store.Get(context.Background(), st, n, 1<<30)
		must(t, err)
		m, err := snapshot.DecodeManifest(data)
		must(t, err)
		list = append(list, m)
	}
	return list
}

// named lists the objects that manifests name, as readers of manifests see them.
func named(t testing.TB, st store.Collector) []string {
	t.Helper()
	set := map[string]bool{}
	for _, m := range manifests(t, st) {
		for _, p := range m.Packs {
			set[p.Object] = true
		}
		for _, mod := range m.Modules {
			for _, object := range mod.Objects() {
				set[object] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// mustBeExact demands that the store holds exactly the objects that its manifests name.
func mustBeExact(t testing.TB, st store.Collector) {
	t.Helper()
	if diff := cmp.Diff(named(t, st), stored(t, st)); diff != "" {
		t.Errorf("named and stored objects differ: %s", diff)
	}
}

// mustBeWhole demands that every object that a manifest names exists.
func mustBeWhole(t testing.TB, st store.Collector) {
	t.Helper()
	have := stored(t, st)
	for _, n := range named(t, st) {
		if _, ok := slices.BinarySearch(have, n); !ok {
			t.Errorf("%s is gone, but a manifest names it", n)
		}
	}
}

// drop removes the manifests of a scope, as a lifecycle rule would.
func drop(t testing.TB, st store.Collector, scope string) {
	t.Helper()
	for _, n := range names(t, st) {
		if k, _ := snapshot.KindOf(n); k == snapshot.KindManifest && strings.HasPrefix(n, snapshot.ScopePrefix(repo, scope)+"/") {
			if failed := st.Delete(context.Background(), []string{n}); failed != nil {
				t.Fatal(failed)
			}
		}
	}
}

func put(t testing.TB, st store.Store, name string, data []byte) {
	t.Helper()
	_, err := st.Put(context.Background(), name, bytes.NewReader(data), int64(len(data)), store.Condition{})
	must(t, err)
}

// moduleObject returns the name of a module object that no save has made.
func moduleObject(n int) string {
	return fmt.Sprintf("v2/modules/example.com/m%d/@v/v1.0.0/%x", n, sha256.Sum256([]byte{byte(n), byte(n >> 8)}))
}

func numbers(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func backdate(t testing.TB, path string, age time.Duration) {
	t.Helper()
	then := time.Now().Add(-age)
	must(t, os.Chtimes(path, then, then))
}
