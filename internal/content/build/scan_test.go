package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
)

// stockOf returns the stock of a snapshot with these entries. Each maps the text of an action to
// the content of its output.
func stockOf(entries map[string]string, lastUse int64) *collect.Stock {
	b := snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: collecttest.Pack("p"), Chunks: 1, Frames: []snapshot.Frame{{Raw: 1 << 20}, {Raw: 1}}})
	for action, output := range entries {
		id := sha256.Sum256([]byte(output))
		b.AddOutput(snapshot.Output{ID: id, Size: int64(len(output)), Extents: []snapshot.Extent{{Pack: int32(p), Len: int32(len(output))}}})
		b.AddAction(sha256.Sum256([]byte(action)), id, lastUse*int64(time.Second), lastUse)
	}
	m := new(snapshot.Manifest)
	b.Build(m)
	return collect.NewStock([]*snapshot.Manifest{m}, nil)
}

// scan scans dir. The restore of the job, if there was one, was an hour before Now.
func scan(t *testing.T, dir string, stock *collect.Stock, restored bool, o ScanOptions) (Found, collecttest.Warnings) {
	t.Helper()
	var w collecttest.Warnings
	env := collect.Env{Stock: stock, Start: collecttest.Now, Warn: w.Warn}
	if restored {
		env.State = &jobstate.State{Time: collecttest.Now.Add(-time.Hour), Matched: &jobstate.Matched{}}
	}
	o.Dir = dir
	f, err := Scan(t.Context(), env, o)
	if err != nil {
		t.Fatal(err)
	}
	return f, w
}

// uses returns the last uses that a scan found, by action.
func (f Found) uses() map[digest.ID]int64 {
	uses := map[digest.ID]int64{}
	for _, e := range f.Local.list {
		uses[e.action] = e.lastUse
	}
	return uses
}

// TestLastUse: the last use is taken from the times of files, except for times that a restore set.
func TestLastUse(t *testing.T) {
	ago := func(d time.Duration) time.Time { return collecttest.Now.Add(-d) }
	const day = 24 * time.Hour
	aged := buildcache.AgedTime(time.Time{}, ago(time.Hour))
	for name, c := range map[string]struct {
		before, mtime time.Time
		restored      bool
		want          time.Time
	}{
		"new":                                       {time.Time{}, ago(time.Minute), true, ago(time.Minute)},
		"made without a restore":                    {time.Time{}, ago(9 * day), false, ago(9 * day)},
		"restored, and used":                        {ago(3 * day), ago(time.Minute), true, ago(time.Minute)},
		"restored, not used":                        {ago(3 * day), ago(3 * day), true, ago(3 * day)},
		"restored as younger, not used":             {ago(20 * day), aged, true, ago(20 * day)},
		"the same, without notes":                   {ago(20 * day), aged, false, aged},
		"new, as old as what restore makes younger": {time.Time{}, aged, false, aged},
		"used by another job since":                 {ago(time.Hour), ago(3 * day), true, ago(time.Hour)},
		"used by another project":                   {ago(3 * day), ago(3 * time.Hour), true, ago(3 * day)},
		"in the future":                             {ago(day), collecttest.Now.Add(day), true, collecttest.Now},
	} {
		dir := t.TempDir()
		id := collecttest.BuildEntry(t, dir, "a", "o", ago(2*day), c.mtime)
		stock := collecttest.Stock(t, nil)
		if !c.before.IsZero() {
			stock = stockOf(map[string]string{"a": "o"}, c.before.Unix())
		}
		f, w := scan(t, dir, stock, c.restored, ScanOptions{})
		if got := f.uses()[id]; got != c.want.Unix() || len(w) > 0 {
			t.Errorf("%s: %s, want %s; %q", name, collecttest.Now.Sub(time.Unix(got, 0)), collecttest.Now.Sub(c.want), w)
		}
	}
}

// TestUnused: what was in the cache before the job and was not used by it is of other projects,
// unless a snapshot has it. Where no restore tells when the job began, all is saved.
func TestUnused(t *testing.T) {
	dir := t.TempDir()
	ago := func(d time.Duration) time.Time { return collecttest.Now.Add(-d) }
	const day = 24 * time.Hour
	ids := map[string]digest.ID{}
	for name, used := range map[string]time.Time{
		"made": ago(time.Minute), "used": ago(30 * time.Minute), "perhaps used": ago(2 * time.Hour), "other project": ago(3 * time.Hour), "of the snapshot": ago(3 * day),
	} {
		ids[name] = collecttest.BuildEntry(t, dir, name, name, ago(3*day), used)
	}
	stock := stockOf(map[string]string{"of the snapshot": "of the snapshot"}, ago(3*day).Unix())
	for restored, want := range map[bool]int{true: 1, false: 0} {
		f, w := scan(t, dir, stock, restored, ScanOptions{})
		uses := f.uses()
		if _, there := uses[ids["other project"]]; f.Unused != want || len(uses) != len(ids)-want || there == restored || len(w) > 0 {
			t.Errorf("restored %v: %d unused, %v, %q", restored, f.Foreign, uses, w)
		}
	}
}

// TestReuse: a scan counts the entries of the snapshot that the job used, and those that it made.
func TestReuse(t *testing.T) {
	dir := t.TempDir()
	ago := func(d time.Duration) time.Time { return collecttest.Now.Add(-d) }
	const day = 24 * time.Hour
	collecttest.BuildEntry(t, dir, "used", "1", ago(day), ago(time.Minute))
	collecttest.BuildEntry(t, dir, "unused", "2", ago(day-time.Second), ago(3*day))
	collecttest.BuildEntry(t, dir, "made", "3", ago(time.Minute), ago(time.Minute))
	collecttest.BuildEntry(t, dir, "made by this save", "4", collecttest.Now.Add(time.Second), collecttest.Now)
	collecttest.BuildEntry(t, dir, "not of the snapshot", "5", ago(day), ago(time.Minute))
	stock := stockOf(map[string]string{"used": "1", "unused": "2"}, ago(3*day).Unix())
	f, _ := scan(t, dir, stock, true, ScanOptions{})
	if f.Reuse == nil || f.Reuse.Reused != 1 || f.Reuse.Made != 1 {
		t.Errorf("%+v", f.Reuse)
	}
	if f, _ := scan(t, dir, stock, false, ScanOptions{}); f.Reuse != nil {
		t.Errorf("without a restore: %+v", f.Reuse)
	}
}

// TestForgetTimed: entries that depend on times of files are left out, unless the times are stable
// or the entry is proven or stored. So are entries that cannot be read.
func TestForgetTimed(t *testing.T) {
	const (
		object   = "!<arch>\nobject"
		index    = "go index v2 of a package"
		result   = "=== RUN\nok  \tx\t0.1s\n"
		profile  = "mode: set\nx.go:1.1,2.2 1 1\n"
		compiler = "/usr/bin/gcc\x00stat 1 2 3"
	)
	for name, c := range map[string]struct {
		o      ScanOptions
		stored map[string]string
		want   string
		timed  int
	}{
		"by default":            {ScanOptions{}, nil, "object", 4},
		"stable times":          {ScanOptions{StableTimes: true}, nil, "index object profile result", 1},
		"stored":                {ScanOptions{}, map[string]string{"result": result, "index": index}, "index object result", 2},
		"another one is stored": {ScanOptions{}, map[string]string{"result": "another"}, "object", 4},
	} {
		dir := t.TempDir()
		for action, output := range map[string]string{"object": object, "index": index, "result": result, "profile": profile, "compiler": compiler} {
			collecttest.BuildEntry(t, dir, action, output, collecttest.Now.Add(-time.Hour), collecttest.Now)
		}
		f, w := scan(t, dir, stockOf(c.stored, 5), false, c.o)
		var got []string
		for _, action := range []string{"object", "index", "result", "profile", "compiler"} {
			if _, ok := f.uses()[sha256.Sum256([]byte(action))]; ok {
				got = append(got, action)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want || f.Timed != c.timed || len(w) > 0 {
			t.Errorf("%s: %q, %d timed, %q", name, got, f.Timed, w)
		}
	}
}

// TestProvenIndexes: the indexes of modules, of GOROOT and of toolchains do not depend on times of
// files.
func TestProvenIndexes(t *testing.T) {
	dir, mods := t.TempDir(), t.TempDir()
	v := module.Version{Path: "example.com/a", Version: "v1.0.0"}
	tree, _ := treeDir(mods, v)
	goroot := filepath.Join(t.TempDir(), "go")
	collecttest.Write(t, filepath.Join(goroot, "src", "fmt", "print.go"), "package fmt")
	var ids []digest.ID
	ids = append(ids, goentry.ModuleIndex("go1.26.1", tree))
	c := buildcache.Open(dir)
	collecttest.BuildEntry(t, dir, "unproven", "go index v2 x", collecttest.Now, collecttest.Now)
	output := digest.Of([]byte("go index v2 x"))
	for _, id := range ids {
		if err := c.PutAction(buildcache.Entry{Action: id, Output: output, Size: 13}, collecttest.Now); err != nil {
			t.Fatal(err)
		}
	}
	o := ScanOptions{GoVersion: "go1.26.1", GOROOT: goroot, GOMODCACHE: mods, Modules: map[module.Version]string{v: "h1:x"}}
	f, _ := scan(t, dir, collecttest.Stock(t, nil), false, o)
	if f.Local.Len() != len(ids) || f.Timed != 1 {
		t.Errorf("%d proven of %d, %d timed", f.Local.Len(), len(ids), f.Timed)
	}
	o.GOMODCACHE = ""
	if f, _ := scan(t, dir, collecttest.Stock(t, nil), false, o); f.Local.Len() != 0 {
		t.Errorf("%d are proven without a module cache", f.Local.Len())
	}
	collecttest.Write(t, filepath.Join(mods, "golang.org", "toolchain@v0.0.1-go1.26.1.linux-amd64", "src", "fmt", "print.go"), "package fmt")
	o.GOMODCACHE, o.GoVersion = mods, "go1.25.0"
	if f, _ := scan(t, dir, collecttest.Stock(t, nil), false, o); f.Local.Len() != 1 {
		t.Errorf("%d proven for a toolchain in the module cache", f.Local.Len())
	}
}

// TestForgetIndexes: if the store has a snapshot for these module files, new indexes alone are no
// reason to save.
func TestForgetIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		known bool
		more  string // another new output
		want  int
	}{
		"unknown":       {false, "", 2},
		"only indexes":  {true, "", 1},
		"other outputs": {true, "!<arch>\nnew", 3},
	} {
		dir := t.TempDir()
		collecttest.BuildEntry(t, dir, "stored", "!<arch>\nold", collecttest.Now, collecttest.Now)
		collecttest.BuildEntry(t, dir, "index", "go index v2 x", collecttest.Now, collecttest.Now)
		if c.more != "" {
			collecttest.BuildEntry(t, dir, "new", c.more, collecttest.Now, collecttest.Now)
		}
		stock := stockOf(map[string]string{"stored": "!<arch>\nold"}, 5)
		if f, _ := scan(t, dir, stock, false, ScanOptions{Known: c.known, StableTimes: true}); f.Local.Len() != c.want {
			t.Errorf("%s: %d entries, want %d", name, f.Local.Len(), c.want)
		}
	}
}

// TestUnreadable: files that belong to another user are left out, with one warning that says what
// to do.
func TestUnreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("everything can be read")
	}
	dir := t.TempDir()
	id := collecttest.BuildEntry(t, dir, "a", "1", collecttest.Now, collecttest.Now)
	collecttest.BuildEntry(t, dir, "b", "2", collecttest.Now, collecttest.Now)
	name := id.String()
	if err := os.Chmod(filepath.Join(dir, name[:2], name+"-a"), 0); err != nil {
		t.Fatal(err)
	}
	f, w := scan(t, dir, collecttest.Stock(t, nil), false, ScanOptions{})
	if f.Unreadable != 1 || f.Local.Len() != 1 || !w.Mention("belong to another user") {
		t.Errorf("%+v, %q", f, w)
	}
}

// TestUnknownOutputs: an entry whose output cannot be read has an unknown kind, and is left out.
func TestUnknownOutputs(t *testing.T) {
	s := &scanner{inv: new(buildcache.Inventory)}
	var w collecttest.Warnings
	s.Warn = w.Warn
	var kinds []goentry.Kind
	var errs []error
	for i := range 6 {
		s.inv.Entries = append(s.inv.Entries, buildcache.Local{Entry: buildcache.Entry{Action: digest.ID{byte(i)}}})
		kinds = append(kinds, goentry.Kind(fmt.Sprint(i)))
		errs = append(errs, nil)
	}
	errs[1], errs[5] = errors.New("too many open files"), errors.New("locked")
	kinds = s.forgetUnknown(kinds, errs)
	if fmt.Sprint(kinds) != "[0 2 3 4]" || len(s.inv.Entries) != 4 || s.found.Unreadable != 2 || !w.Mention("2 entries") {
		t.Errorf("%v, %d entries, %d, %q", kinds, len(s.inv.Entries), s.found.Unreadable, w)
	}
	for i, e := range s.inv.Entries {
		if string(kinds[i]) != fmt.Sprint(e.Action[0]) {
			t.Errorf("entry %d has kind %s", e.Action[0], kinds[i])
		}
	}
	if got := s.forgetUnknown(kinds, make([]error, 4)); len(got) != 4 || len(w) != 1 {
		t.Errorf("all known: %v", got)
	}
}

// TestScanCancelled: a scan ends with its context in each of its steps.
func TestScanCancelled(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		collecttest.BuildEntry(t, dir, fmt.Sprint(i), fmt.Sprint("!<arch>", i), collecttest.Now, collecttest.Now)
	}
	why := errors.New("time is up")
	env := collect.Env{Stock: collecttest.Stock(t, nil), Start: collecttest.Now, Warn: t.Logf}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Scan(ctx, env, ScanOptions{Dir: dir}); !errors.Is(err, why) {
		t.Errorf("before the listing: %v", err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	// Scan calls Memory between listing the entries and reading the new outputs.
	if _, err := Scan(ctx, env, ScanOptions{Dir: dir, Memory: func(int64) { cancel(why) }}); !errors.Is(err, why) {
		t.Errorf("after the listing: %v", err)
	}
}

// TestFuzzCorpus: the corpus is listed only on request.
func TestFuzzCorpus(t *testing.T) {
	dir := t.TempDir()
	collecttest.Write(t, filepath.Join(dir, "fuzz", "x", "FuzzX", "1"), "seed")
	for _, ask := range []bool{false, true} {
		f, _ := scan(t, dir, collecttest.Stock(t, nil), false, ScanOptions{Fuzz: ask})
		if (len(f.Fuzz) == 1) != ask {
			t.Errorf("asked %v: %v", ask, f.Fuzz)
		}
	}
}
