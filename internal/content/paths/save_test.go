package paths

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// here returns the files described by file lines.
func here(t testing.TB, text string) (l Local) {
	t.Helper()
	for _, p := range collecttest.Manifest(t, text).Paths {
		for _, f := range p.Files {
			l.files = append(l.files, localFile{collect.FileID{Path: p.Name, Name: f.Name, Sum: f.Sum}, f.Size, f.Exec, f.LastUse, true})
		}
	}
	return l
}

// situation is the input of a plan of files.
type situation struct {
	here, own string
	other     string // manifest of another scope
	gone      []string
	meanwhile bool
	rewrite   []string
	policy    retention.Policy
	off       bool
}

func (s situation) base(t testing.TB) collect.Base {
	t.Helper()
	base := collect.Base{Start: collecttest.Now, MaxAge: s.policy.MaxAge, Meanwhile: s.meanwhile, Untrimmed: s.off}
	var texts []string
	if s.own != "" {
		base.Own = collecttest.Manifest(t, s.own)
		if !s.meanwhile {
			texts = append(texts, s.own)
		}
	}
	if s.other != "" {
		texts = append(texts, s.other)
	}
	base.Stock = collecttest.Stock(t, s.gone, texts...)
	return base
}

func (s situation) keep(t testing.TB, l Local) collect.Kept {
	t.Helper()
	m := l.Merge(s.base(t))
	if s.off {
		return m.Keep(nil, nil)
	}
	s.policy.Now = collecttest.Now
	items := m.Items(nil)
	for _, it := range items {
		if it.Kind != retention.Path {
			t.Errorf("an item of kind %d", it.Kind)
		}
	}
	return m.Keep(items, retention.Decide(items, s.policy))
}

func (s situation) plan(t testing.TB, l Local) (*snapshot.Manifest, collect.Planned) {
	t.Helper()
	rewrite := map[string]bool{}
	for _, name := range s.rewrite {
		rewrite[collecttest.Pack(name)] = true
	}
	m, b := collecttest.Manifest(t, ""), snapshot.NewBuilder()
	p := s.keep(t, l).Place(b, m, rewrite)
	b.Build(m)
	return m, p
}

// TestNextSnapshot: the local files and those of the manifest become the next snapshot.
func TestNextSnapshot(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		situation
		want   string
		counts string // stored, missing, trimmed, jobs
	}{
		"nothing":        {counts: "0 0 0 0"},
		"the first save": {situation: situation{here: "file P a h1 5 -\nfile P b h2 6 -\nfile Q a h1 5 -"}, counts: "0 3 0 2"},
		"nothing is new": {situation: situation{here: "file P a h1 5 -", own: "file P a h1 5 p1"}, want: "file P a h1 5 p1", counts: "1 0 0 0"},
		"use counts": {
			situation: situation{here: "file P a h1 5 - use=9h", own: "file P a h1 5 p1 use=2h"}, want: "file P a h1 5 p1 use=2h", counts: "1 0 0 0",
		},
		"one more": {situation: situation{here: "file P a h1 5 -\nfile P b h2 5 -", own: "file P a h1 5 p1"}, want: "file P a h1 5 p1", counts: "1 1 0 1"},
		"not here": {situation: situation{own: "file P a h1 5 p1 use=9h exec\nfile Q x h3 1 p2"}, want: "file P a h1 5 p1 use=9h exec\nfile Q x h3 1 p2", counts: "2 0 0 0"},
		"it has changed": { // the local file is newer than the stored one
			situation: situation{here: "file P a h2 5 - use=50h", own: "file P a h1 5 p1"}, counts: "0 1 0 1",
		},
		"another save changed it too, and later": {
			situation: situation{here: "file P a h2 5 - use=50h", own: "file P a h1 5 p1", meanwhile: true}, want: "file P a h1 5 p1", counts: "1 0 0 0",
		},
		"another save changed it before": {
			situation: situation{here: "file P a h2 5 -", own: "file P a h1 5 p1 use=9h", meanwhile: true}, counts: "0 1 0 1",
		},
		"both at once, the greater hash": {
			situation: situation{here: "file P a h1 5 -", own: "file P a h2 5 p1", meanwhile: true}, want: "file P a h2 5 p1", counts: "1 0 0 0",
		},
		"another save stored it": {
			situation: situation{here: "file P a h1 5 -", own: "file P a h1 5 q", meanwhile: true}, want: "file P a h1 5 q", counts: "1 0 0 0",
		},
		"another scope has it": {situation: situation{here: "file P a h1 5 -", other: "file P a h1 5 q\nfile P b h2 5 q"}, want: "file P a h1 5 q", counts: "1 0 0 0"},
		"of another path":      {situation: situation{here: "file P a h1 5 -", other: "file Q a h1 5 q"}, counts: "0 1 0 1"},
		"its pack is gone":     {situation: situation{here: "file P a h1 5 -", own: "file P a h1 5 p1\nfile P b h2 5 p1", gone: []string{"p1"}}, counts: "0 1 0 1"},
		"another save relied on it, and it is gone": {
			situation: situation{here: "file P a h1 5 -", own: "file P a h1 5 p1\nfile P b h2 5 p1\nfile P c h3 5 q", other: "file P a h1 5 p1", gone: []string{"p1"}, meanwhile: true},
			want:      "file P c h3 5 q", counts: "1 1 0 1",
		},
		"packed anew": {situation: situation{here: "file P a h1 5 -\nfile P b h2 5 -", own: "file P a h1 5 p1\nfile P b h2 5 p2", rewrite: []string{"p1"}}, want: "file P b h2 5 p2", counts: "1 1 0 1"},
		"too old": {
			situation: situation{here: "file P a h1 5 - use=50h", own: "file P b h2 5 p1 use=50h\nfile P c h3 5 p1 use=40h", policy: retention.Policy{MaxAge: 2 * day}},
			want:      "file P c h3 5 p1 use=40h", counts: "1 0 2 0",
		},
		"bounds are for the caches": {
			situation: situation{own: "file P a h1 500 p1", policy: retention.Policy{MaxSize: 10, MaxBuild: 10}}, want: "file P a h1 500 p1", counts: "1 0 0 0",
		},
		"of this job": {
			situation: situation{here: "file P a h1 5 - use=50h", policy: retention.Policy{MaxAge: day, UsedSince: collecttest.Now.Add(-60 * time.Hour)}}, counts: "0 1 0 1",
		},
		"a clock that was wrong": {situation: situation{own: "file P a h1 5 p1 use=-99h"}, want: "file P a h1 5 p1", counts: "1 0 0 0"},
		"nothing is trimmed": {
			situation: situation{own: "file P a h1 5 p1 use=-99h\nfile P b h1 5 p1 use=999h", off: true, policy: retention.Policy{MaxAge: day}},
			want:      "file P a h1 5 p1 use=-99h\nfile P b h1 5 p1 use=999h", counts: "2 0 0 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := c.plan(t, here(t, c.here))
			collecttest.Compare(t, m, c.want)
			if got := fmt.Sprint(p.Stored, p.Missing, p.Trimmed, len(p.Jobs)); got != c.counts || len(p.Warnings) > 0 {
				t.Errorf("%s stored, missing, trimmed and jobs, want %s; %q", got, c.counts, p.Warnings)
			}
		})
	}
}

// TestLimits: if there are more paths than a manifest can have, those of this job are kept.
func TestLimits(t *testing.T) {
	var own strings.Builder
	for i := range snapshot.MaxPaths {
		fmt.Fprintf(&own, "file Q%02d a h1 5 p1\n", i)
	}
	s := situation{here: "file P a h1 5 -", own: own.String()}
	m, p := s.plan(t, here(t, s.here))
	if len(m.Paths) != 0 || p.Missing != 1 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "too many files") {
		t.Errorf("%d paths, %+v", len(m.Paths), p)
	}
	s.here = ""
	if m, _ := s.plan(t, Local{}); len(m.Paths) != snapshot.MaxPaths {
		t.Errorf("%d paths", len(m.Paths))
	}
}

// TestShares: the live bytes of the packs of files are counted.
func TestShares(t *testing.T) {
	s := situation{here: "file P a h1 5 -", own: "pack p1 100\nfile P a h1 5 p1\nfile P b h2 6 p1\nfile Q c h3 7 p2 use=99h", policy: retention.Policy{MaxAge: 50 * time.Hour}}
	k := s.keep(t, here(t, s.here))
	if got := k.Shares(); len(got) != 1 || got[0] != (collect.Share{Object: collecttest.Pack("p1"), Live: 11, Raw: 100, Remote: true}) {
		t.Errorf("%+v", got)
	}
	if k.Stays().Count > 0 {
		t.Error("files are reported with the caches")
	}
	k.Gone(func(retention.Verdict, retention.Dropped) { t.Error("files are reported with the caches") })
}

// TestOutcomes: a packed file counts as stored from then on; the original Local does not change.
func TestOutcomes(t *testing.T) {
	s := situation{here: "file P a h1 5 -\nfile P b h2 6 -", own: "file P b h2 6 p1"}
	before := here(t, s.here)
	pack := snapshot.Pack{Object: collecttest.Pack("n1"), Raw: 5}
	id := collect.FileID{Path: "P", Name: "a", Sum: collecttest.Hex("h1")}
	after := before.With([]collect.Outcome{{Object: pack.Object, Pack: pack, Content: collect.Content{Of: written{id}}}, {Content: collect.Content{Of: written{id}}}, {Object: "x"}}).(Local)
	m, p := s.plan(t, after)
	collecttest.Compare(t, m, "file P a h1 5 n1\nfile P b h2 6 p1")
	if p.Missing != 0 {
		t.Errorf("%+v", p)
	}
	if _, p := s.plan(t, before); p.Missing != 1 {
		t.Errorf("the original has changed: %+v", p)
	}
	if _, p := s.plan(t, after.Without(func(o string) bool { return o == pack.Object }).(Local)); p.Missing != 1 {
		t.Errorf("without its pack: %+v", p)
	}
	if _, p := s.plan(t, after); p.Missing != 0 {
		t.Errorf("the original has changed: %+v", p)
	}
}

// TestGroups: a pack has files of one path, and does not get too large.
func TestGroups(t *testing.T) {
	const mib = 1 << 20
	file := func(path string, size int64) localFile {
		return localFile{FileID: collect.FileID{Path: path, Name: fmt.Sprint(size)}, size: size}
	}
	for name, c := range map[string]struct {
		files []localFile
		want  string
	}{
		"none":         {nil, "[]"},
		"two paths":    {[]localFile{file("P", 1), file("P", 2), file("Q", 3)}, "[2 1]"},
		"to the brim":  {[]localFile{file("P", 24*mib), file("P", 24*mib), file("P", 1)}, "[2 1]"},
		"one is large": {[]localFile{file("P", 1), file("P", 100*mib), file("P", 2)}, "[1 1 1]"},
	} {
		got := []int{}
		for _, g := range groupFiles(c.files) {
			got = append(got, len(g))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// machine is a directory with files, with the input of a scan.
type machine struct {
	path extradir.Path
	env  collect.Env
	warn *collecttest.Warnings
}

func newMachine(t *testing.T, files map[string]string) *machine {
	t.Helper()
	w := &machine{path: extradir.Path{Name: "$LINT", Dir: t.TempDir()}, warn: new(collecttest.Warnings)}
	for name, data := range files {
		collecttest.Write(t, filepath.Join(w.path.Dir, filepath.FromSlash(name)), data)
		collecttest.Used(t, filepath.Join(w.path.Dir, filepath.FromSlash(name)), collecttest.Now.Add(-5*time.Hour))
	}
	w.env = collect.Env{Stock: collect.NewStock(nil, nil), Start: collecttest.Now, Warn: w.warn.Warn}
	return w
}

func (w *machine) scan(t *testing.T) Local {
	t.Helper()
	l, err := Scan(t.Context(), w.env, []extradir.Path{w.path, {Name: "none", Dir: filepath.Join(w.path.Dir, "none")}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func hash(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// TestScan: files are listed by name, with the hash of their content and their last use.
func TestScan(t *testing.T) {
	w := newMachine(t, map[string]string{"b": "bee", "a/x": "", "a.b": "dot"})
	if err := os.Chmod(filepath.Join(w.path.Dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range w.scan(t).files {
		got = append(got, fmt.Sprint(f.Path, " ", f.Name, " ", f.size, " ", f.Sum == hash(map[string]string{"b": "bee", "a/x": "", "a.b": "dot"}[f.Name]), f.lastUse >= collecttest.Ago(5), f.here))
	}
	want := []string{"$LINT a.b 3 true true true", "$LINT a/x 0 true true true", "$LINT b 3 true true true"}
	if !slices.Equal(got, want) || len(*w.warn) > 0 {
		t.Errorf("%q, want %q; %q", got, want, *w.warn)
	}
}

// TestScanUse: a time that the restore set is not a use.
func TestScanUse(t *testing.T) {
	w := newMachine(t, map[string]string{"a": "x"})
	restored := collecttest.Now.Add(-time.Hour)
	aged := buildcache.AgedTime(time.Time{}, restored)
	collecttest.Used(t, filepath.Join(w.path.Dir, "a"), aged)
	m, b := new(snapshot.Manifest), snapshot.NewBuilder()
	b.AddFile(w.path.Name, snapshot.PathFile{Name: "a", Sum: hash("x"), Size: 1, Pack: b.AddPack(snapshot.Pack{Object: collecttest.Pack("p")}), LastUse: collecttest.Ago(999)})
	b.Build(m)
	w.env.Stock = collect.NewStock([]*snapshot.Manifest{m}, nil)
	if got := w.scan(t).files[0].lastUse; got < aged.Unix() {
		t.Errorf("without a restore: %d", got)
	}
	// once more, since the scan has read it
	collecttest.Used(t, filepath.Join(w.path.Dir, "a"), aged)
	w.env.State = &jobstate.State{Time: restored}
	if got := w.scan(t).files[0].lastUse; got != collecttest.Ago(999) {
		t.Errorf("with a restore: %d, want %d", got, collecttest.Ago(999))
	}
}

// TestScanUnreadable: a file that cannot be read is left out, and nothing else is.
func TestScanUnreadable(t *testing.T) {
	w := newMachine(t, map[string]string{"a": "x", "b": "y"})
	if err := os.Truncate(filepath.Join(w.path.Dir, "a"), snapshot.MaxPathFile+1); err != nil {
		t.Skip(err)
	}
	if l := w.scan(t); len(l.files) != 1 || !w.warn.Mention("a of $LINT is not saved") {
		t.Errorf("%d files, %q", len(l.files), *w.warn)
	}
}

// TestWrite: a pack has only files that have not changed since they were hashed.
func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(file string) error
		want    int
		warning string
	}{
		"whole":       {nil, 3, ""},
		"it changed":  {func(f string) error { return os.WriteFile(f, []byte("BEE"), 0o666) }, 2, "it changed while it was saved"},
		"it grew":     {func(f string) error { return os.WriteFile(f, []byte("bee and more"), 0o666) }, 2, "it changed while it was saved"},
		"it is gone":  {os.Remove, 2, "b of $LINT is not saved"},
		"a directory": {func(f string) error { os.Remove(f); return os.Mkdir(f, 0o777) }, 2, "b of $LINT is not saved"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"a": "ay", "b": "bee", "c/d": ""}
			w := newMachine(t, files)
			l := w.scan(t)
			l.files[0].exec = true
			if c.change != nil {
				if err := c.change(filepath.Join(w.path.Dir, "b")); err != nil {
					t.Fatal(err)
				}
			}
			var buf bytes.Buffer
			sw := snapshot.NewWriter(&buf)
			var read int64
			content, err := l.job(l.files).Write(t.Context(), sw, collect.Note{Wrote: func(n int64) { read += n }, Warn: w.warn.Warn})
			frames, closeErr := sw.Close()
			if err = errors.Join(err, closeErr); err != nil {
				t.Fatal(err)
			}
			ids := content.Of.(written)
			if content.Members != c.want || len(ids) != c.want || content.Raw != read || !w.warn.Mention(c.warning) {
				t.Errorf("%+v, %d bytes read, %q", content, read, *w.warn)
			}
			r := snapshot.NewReader(contenttest.Stream(&buf), frames, nil)
			defer r.Close()
			for _, id := range ids {
				m, err := r.Next()
				data, _ := io.ReadAll(r)
				if err != nil || m.Name != id.Name || string(data) != files[id.Name] || hash(string(data)) != id.Sum || (m.Mode == 0o755) != (id.Name == "a") {
					t.Errorf("%+v %q, %v", m, data, err)
				}
			}
		})
	}
}

// TestCancelled: scanning and writing end with their context.
func TestCancelled(t *testing.T) {
	w := newMachine(t, map[string]string{"a": "x"})
	l := w.scan(t)
	why := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Scan(ctx, w.env, []extradir.Path{w.path}); !errors.Is(err, why) {
		t.Errorf("scan: %v", err)
	}
	sw := snapshot.NewWriter(io.Discard)
	defer sw.Close()
	if _, err := l.job(l.files).Write(ctx, sw, collect.Note{}); !errors.Is(err, why) {
		t.Errorf("write: %v", err)
	}
}
