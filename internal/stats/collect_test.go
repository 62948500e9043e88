package stats

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/stdtest"
)

// row returns a row by its name.
func row(t *testing.T, rows []Row, name string) Amount {
	t.Helper()
	for _, r := range rows {
		if r.Name == name {
			return r.Amount
		}
	}
	t.Errorf("no row %q in %v", name, rows)
	return Amount{}
}

// TestCollectModules: a module cache with what is there twice.
func TestCollectModules(t *testing.T) {
	dir := t.TempDir()
	same, other := strings.Repeat("same", 1000), strings.Repeat("b", 4000)
	for version, text := range map[string]string{"v1.0.0": strings.Repeat("a", 4000), "v1.1.0": other, "v1.2.0": other} {
		collecttest.GoModule(t, dir, module.Version{Path: "example.com/lib", Version: version}, map[string]string{"go.mod": "module example.com/lib\n", "same.go": same, "other.go": text, "empty.go": ""})
	}
	collecttest.GoModule(t, dir, module.Version{Path: "example.com/one", Version: "v0.1.0"}, map[string]string{"same.go": same})
	download := filepath.Join(dir, "cache", "download")
	zipped := filepath.Join(download, "example.com", "one", "@v", "v0.1.0.zip")
	collecttest.Write(t, zipped, strings.Repeat("z", 700))
	info := filepath.Join(download, "example.com", "one", "@v", "v0.1.0.info")
	collecttest.Write(t, info, `{"Version":"v0.1.0","Origin":{"VCS":"git","URL":"https://git.example.com/one"}}`)
	collecttest.Write(t, filepath.Join(download, "sumdb", "sum.golang.org", "tile", "8"), "tile")
	for name, remote := range map[string]string{"a": "git3:https://git.example.com/one", "b": "git3:https://git.example.com/unused"} {
		root := filepath.Join(dir, "cache", "vcs", strings.Repeat(name, 64))
		collecttest.Write(t, filepath.Join(root, "objects", "pack"), strings.Repeat("p", 900))
		collecttest.Write(t, root+".info", remote+"\n")
	}
	read := time.Now().Add(-40 * day)
	if err := os.Chtimes(filepath.Join(dir, "example.com", "one@v0.1.0", "same.go"), read, read.Add(-day)); err != nil {
		t.Fatal(err)
	}
	m, warnings, err := CollectModules(context.Background(), dir, time.Now())
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if m.Total.Count != 4 || row(t, m.Kinds, kindTrees).Count != 4 || row(t, m.Kinds, kindZips) != amount(1, 700) || row(t, m.Kinds, kindSumDB) != amount(1, 4) || row(t, m.Kinds, kindClones) != amount(2, 1800) {
		t.Errorf("total %+v, kinds %+v", m.Total, m.Kinds)
	}
	if n := row(t, m.Kinds, kindMetadata).Count; n != 12 {
		t.Errorf("%d files of metadata, want .info, .mod and .ziphash of four versions", n)
	}
	if got := m.Paths.Rows[0]; got.Name != "example.com/lib" || got.Count != 3 || m.Versions.Names != 4 {
		t.Errorf("%+v, %+v", m.Paths, m.Versions)
	}
	d := m.Duplicates
	if d.Zips != amount(1, 700) || d.Clones != amount(1, 900) {
		t.Errorf("zips %+v, clones %+v", d.Zips, d.Clones)
	}
	// same.go and go.mod twice more each, other.go once more; the two other.go with equal sizes and
	// other content are different
	want := Amount{Count: 5, Bytes: 2*4000 + 2*int64(len("module example.com/lib\n")) + 4000}
	if got := row(t, d.Versions.Rows, "example.com/lib"); d.Alike.Count == 0 && got != want || d.Alike.Count > 0 && got.Count > 0 {
		t.Errorf("%+v, alike %+v, want %+v", got, d.Alike, want)
	}
	if m.UnknownUse {
		t.Log("this file system does not record reads")
	} else if a := row(t, m.Ages, "over 90 days"); a.Count != 0 {
		t.Errorf("ages %+v", m.Ages)
	}
}

// openUsed lists the versions of a module cache.
func openUsed(t *testing.T, dir string) (*modcache.Cache, []usedModule) {
	t.Helper()
	cache := modcache.Open(dir, modcache.Options{})
	found, err := cache.Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var used []usedModule
	for _, m := range found {
		used = append(used, usedModule{Module: m})
	}
	return cache, used
}

// TestBudget: what would take long to compare is not read.
func TestBudget(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		collecttest.GoModule(t, dir, module.Version{Path: "example.com/lib", Version: version}, map[string]string{"large.go": strings.Repeat("x", 1000), "small.go": "package x"})
	}
	m, _, err := CollectModules(context.Background(), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cache, used := openUsed(t, dir)
	same, alike := compareVersions(cache, used, &budget{files: 2, bytes: 2000})
	if same != amount(1, 1000) || alike != amount(1, 9) {
		t.Errorf("same %+v, alike %+v", same, alike)
	}
	if m.Duplicates.Bytes() != 1009 && m.Duplicates.Alike.Bytes != 1009 {
		t.Errorf("%+v", m.Duplicates)
	}
}

// TestCollectBuild: what a real go command left is told by kind and package.
func TestCollectBuild(t *testing.T) {
	dir := t.TempDir()
	if err := stdtest.Fill(dir); err != nil {
		t.Fatal(err)
	}
	collecttest.Write(t, filepath.Join(dir, "fuzz", "example.com/p", "FuzzX", "seed"), "corpus")
	b, warnings, err := CollectBuild(context.Background(), dir, time.Now())
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	packages := row(t, b.Kinds, kindNames["package"])
	if packages.Count < 30 || float64(packages.Bytes) < 0.8*float64(b.Total.Bytes) {
		t.Errorf("packages %+v of %+v", packages, b.Total)
	}
	row(t, b.Kinds, kindNames["vet facts"])
	row(t, b.Kinds, kindNames["package index"])
	if f := row(t, b.Kinds, kindFuzz); f != amount(1, 6) {
		t.Errorf("fuzzing corpus %+v", f)
	}
	if n := row(t, b.Packages.Rows, "fmt").Count; n < 1 {
		t.Errorf("fmt is there %d times", n)
	}
	named := 0
	for _, r := range b.Packages.Rows {
		named += r.Count
	}
	if named < packages.Count*9/10 {
		t.Errorf("%d of %d packages have a name", named, packages.Count)
	}
	sum := int64(0)
	for _, k := range b.Kinds {
		sum += k.Bytes
	}
	if young := row(t, b.Ages, "up to 1 day"); sum != b.Total.Bytes || young.Count != b.Total.Count {
		t.Errorf("kinds have %d bytes of %+v, %+v are young", sum, b.Total, young)
	}
	// what is there is no different afterwards: nothing counts as used, nothing was written
	if again, _, err := CollectBuild(context.Background(), dir, time.Now()); err != nil || again.Total != b.Total || again.Broken != 0 {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestMissing: directories that do not exist are empty.
func TestMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	m, _, err := CollectModules(context.Background(), dir, now)
	if err != nil || m.Total != (Amount{}) {
		t.Errorf("%+v, %v", m, err)
	}
	b, _, err := CollectBuild(context.Background(), dir, now)
	if err != nil || b.Total != (Amount{}) {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was made")
	}
}

func amount(count int, bytes int64) Amount { return Amount{Count: count, Bytes: bytes} }

// TestUnread: a place that cannot be read is told once, and places by their number; outputs that
// entries of another user may name are not said to have none.
func TestUnread(t *testing.T) {
	var u unread
	for _, name := range []string{"a", "b", "a", "c", "d", "e"} {
		u.add(fmt.Errorf("module %s: %w", name, &fs.PathError{Op: "open", Path: "/" + name, Err: fs.ErrPermission}))
	}
	got := u.warnings("build cache")
	if want := "5 places could not be read, so that the figures are too low: /a (permission denied), /b (permission denied), /c (permission denied), and 2 more; 'gocache doctor"; len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("%q, want %s", got, want)
	}
	if got := (&unread{}).warnings("x"); got != nil {
		t.Errorf("nothing is unread: %q", got)
	}
	inv := &buildcache.Inventory{Outputs: []buildcache.Output{{Size: 10}}, Broken: []buildcache.Broken{{Path: "01/x-a", Reason: "it is empty"}}}
	if b := sumBuild(inv, make([]what, 1), time.Now()); b.Unnamed != amount(1, 10) || b.Broken != 1 || b.Unread != 0 {
		t.Errorf("all can be read: %+v", b)
	}
	inv.Broken = append(inv.Broken, buildcache.Broken{Path: "01/y-a", Unreadable: true})
	if b := sumBuild(inv, make([]what, 1), time.Now()); b.Unnamed.Count != 0 || b.Broken != 1 || b.Unread != 1 {
		t.Errorf("an entry cannot be read: %+v", b)
	}
	if got := unreadOf("dir", inv).warnings("build cache"); len(got) != 1 || !strings.Contains(got[0], "1 place could") {
		t.Errorf("warnings: %q", got)
	}
}
