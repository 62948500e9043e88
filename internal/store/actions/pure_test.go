package actions

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestKeys: what is different has different keys, no key is the beginning of another, and the
// service accepts them all.
func TestKeys(t *testing.T) {
	key := []string{"build, test", "linux", "amd64", "go1.26.8", strings.Repeat("ab", 32)}
	with := func(i int, s string) []string {
		k := slices.Clone(key)
		k[i] = s
		return k
	}
	extra := func(s string) []string { return slices.Insert(slices.Clone(key), 4, s) }
	exact := entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", key))
	newest := entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(4, snapshot.Latest)))
	if !strings.HasPrefix(exact, newest) || exact == newest {
		t.Errorf("the newest entry is looked for by %s, an exact one by %s", newest, exact)
	}
	if !strings.Contains(exact, "-build_2c_20test_linux_amd64_go1.26.8-") {
		t.Errorf("people cannot read %s", exact)
	}
	all := []string{
		exact,
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main-2", key)),
		entryPrefix(snapshot.ManifestObject("o/other", "refs/heads/main", key)),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(4, strings.Repeat("ac", 32)))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(0, "build"))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(1, "windows"))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(3, "go1.26.80"))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", with(0, strings.Repeat("long ", 100)))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", extra("debian_12-0123456789abcdef"))),
		entryPrefix(snapshot.ManifestObject("o/r", "refs/heads/main", extra("debian_12_long_name_of_an_image_and_more-0123456789abcdef"))),
		entryPrefix("some/other"), entryPrefix("some/other1"), setKey(moduleKeys+"x-", []string{"a"}), setKey(moduleKeys+"x-", []string{"a", "b"}), randomKey(bundleKeys + "x-"),
	}
	for i, k := range all {
		if full := numbered(k, 1<<40); len(full) > 260 || strings.Trim(full, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" || !strings.HasPrefix(full, KeyPrefix) {
			t.Errorf("key %q", full)
		}
		for j, other := range all {
			if i != j && strings.HasPrefix(k, other) {
				t.Errorf("%s begins with %s", k, other)
			}
		}
	}
	for want, k := range map[string][]string{"": key, "debian_12-0123456789abcdef": extra("debian_12-0123456789abcdef")} {
		object := snapshot.ManifestObject("o/r", "refs/heads/main", k)
		m, _ := snapshot.ParseManifestObject(object)
		if got, ok := extraIn(numbered(entryPrefix(object), 7), familyPrefix(m)); !ok || got != want {
			t.Errorf("of the key with %q: %q, %t", want, got, ok)
		}
	}
	if setKey(moduleKeys, []string{"b", "a"}) != setKey(moduleKeys, []string{"a", "b"}) {
		t.Error("the key of some modules depends on their order")
	}
}

func TestSplitNumber(t *testing.T) {
	for key, want := range map[string]string{
		"gocache2-a-b-7": "gocache2-a-b- 7 true", "x-0": "no", "x-": "no", "7": "no", "x-07": "no", "x-+7": "no", "x-7a": "no", "": "no", "x-99999999999999999999": "no",
	} {
		got := "no"
		if prefix, n, ok := splitNumber(key); ok {
			got = fmt.Sprint(prefix, " ", n, " ", ok)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
}

func tokenOf(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".x"
}

func TestMayWrite(t *testing.T) {
	for token, want := range map[string]bool{
		tokenOf(`{"ac":"[{\"Scope\":\"refs/heads/main\",\"Permission\":3}]"}`):                                                    true,
		tokenOf(`{"ac":"[{\"Scope\":\"refs/pull/1/merge\",\"Permission\":3},{\"Scope\":\"refs/heads/main\",\"Permission\":1}]"}`): true,
		tokenOf(`{"ac":"[{\"Scope\":\"refs/heads/main\",\"Permission\":1}]"}`):                                                    false,
		tokenOf(`{"ac":"[]"}`): false,
		// What says nothing may: the service decides.
		tokenOf(`{"sub":"x"}`): true, tokenOf(`{"ac":"?"}`): true, tokenOf(`?`): true, "opaque": true, "a.!.c": true,
	} {
		if mayWrite(token) != want {
			t.Errorf("%s: %t", token, !want)
		}
	}
}

// TestEmptied: which bundles a save empties. Sizes are in MB; "m" is one with modules of all jobs.
func TestEmptied(t *testing.T) {
	b := func(live, size int64) share { return share{live << 20, size << 20, false, false} }
	m := func(live, size int64) share { return share{live << 20, size << 20, true, false} }
	f := func(live, size int64) share { return share{live << 20, size << 20, false, true} }
	for name, c := range map[string]struct {
		list []share
		more int
		want string
	}{
		"nothing":                             {nil, 2, ""},
		"few":                                 {[]share{m(80, 80), b(200, 200)}, 2, ".."},
		"as many as may be":                   {[]share{m(80, 80), b(200, 200), b(1, 1)}, 1, "..."},
		"one too many":                        {[]share{m(80, 80), b(200, 200), b(1, 1), b(2, 2)}, 1, "..xx"},
		"modules go last":                     {[]share{m(1, 80), b(200, 200), b(10, 10), b(20, 20), b(30, 30)}, 1, "..xxx"},
		"mostly dead":                         {[]share{m(80, 80), b(20, 100)}, 1, ".x"},
		"mostly dead, and nothing is saved":   {[]share{m(80, 80), b(20, 100)}, 0, ".."},
		"mostly dead, but much":               {[]share{b(200, 1000)}, 1, "."},
		"modules that others may need":        {[]share{m(1, 100), b(200, 200)}, 1, ".."},
		"very many":                           {[]share{b(9, 9), b(8, 8), b(7, 7), b(6, 6), b(5, 5), b(4, 4), b(3, 3), b(2, 2), b(1, 1), b(10, 10)}, 1, "xxxxxxx" + "xx."},
		"very many, and nothing new is saved": {[]share{b(9, 9), b(8, 8), b(7, 7), b(6, 6), b(5, 5), b(4, 4)}, 0, "......"},
		"mostly dead, of another scope":       {[]share{f(1, 100), b(1, 100)}, 1, ".x"},
		"the first of a pull request":         {[]share{f(9, 9), f(1, 1), f(2, 2), f(3, 3)}, 1, "...."},
		"the next of a pull request":          {[]share{f(9, 9), f(1, 1), f(2, 2), f(3, 3), b(5, 5)}, 1, "....x"},
		"more than a restore should look up":  {[]share{f(9, 9), f(1, 1), f(2, 2), f(3, 3), f(4, 4), f(5, 5)}, 1, ".xx..."},
		"very many, and large":                {[]share{b(100, 100), b(100, 100), b(100, 100), b(100, 100), b(100, 100), b(100, 100)}, 1, "xx...."},
	} {
		got := ""
		for _, gone := range emptied(c.list, c.more) {
			got += map[bool]string{false: ".", true: "x"}[gone]
		}
		if name == "very many" {
			// What is left are the largest, and the new one.
			if n := strings.Count(got, "."); n != restSpread-1 || got[0] != '.' || got[9] != '.' {
				t.Errorf("%s: %s", name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func located(name string, bundle int, off, length int64) snapshot.Located {
	return snapshot.Located{Object: snapshot.HashName(name), Bundle: bundle, Off: off, Len: length}
}

// TestRuns: objects that lie side by side are copied together.
func TestRuns(t *testing.T) {
	l := &snapshot.Locations{
		Bundles: []snapshot.Bundle{{Key: "a", Size: 1 << 30}, {Key: "b", Size: 1000}, {Key: "c", Size: 1000}},
		Objects: []snapshot.Located{
			located("1", 0, 100, 50), located("2", 0, 150, 50), located("3", 0, 201, 9), located("4", 0, 210, maxRun), located("5", 0, 210+maxRun, 1),
			located("stays", 1, 0, 10), located("6", 2, 990, 10), located("empty", 2, 1000, 0),
		},
	}
	l.Sort()
	got := runs(l, []bool{true, false, true})
	var text []string
	for _, r := range got {
		text = append(text, fmt.Sprint(r.key, " ", r.off, "+", r.len, " of ", len(r.objects)))
		for i, x := range r.objects {
			if i > 0 && x.Off != r.objects[i-1].Off+r.objects[i-1].Len || i == 0 && x.Off != 0 {
				t.Errorf("%+v", r)
			}
		}
	}
	want := []string{"a 100+100 of 2", "a 201+9 of 1", fmt.Sprint("a 210+", maxRun, " of 1"), fmt.Sprint("a ", 210+maxRun, "+1 of 1"), "c 990+10 of 2"}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

// TestCarried: an index names the largest of the earlier bundles that are still there.
func TestCarried(t *testing.T) {
	old := &snapshot.Locations{
		Bundles: []snapshot.Bundle{{Key: "small", Size: 10}, {Key: "large", Size: 1000}, {Key: "gone", Size: 5000}, {Key: "middle", Size: 500}, {Key: "none", Size: 9}},
		Objects: []snapshot.Located{located("1", 0, 0, 10), located("2", 1, 0, 1000), located("3", 2, 0, 5000), located("4", 3, 0, 500)},
	}
	old.Sort()
	got := carried(old, nil, func(key string) bool { return key == "gone" })
	want := &snapshot.Locations{
		Bundles: []snapshot.Bundle{{Key: "large", Size: 1000}, {Key: "middle", Size: 500}},
		Objects: []snapshot.Located{located("2", 0, 0, 1000), located("4", 1, 0, 500)},
	}
	want.Sort()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	needed := carried(old, map[string]bool{"small": true}, func(string) bool { return false })
	if len(needed.Bundles) != 2 || needed.Bundles[0].Key != "small" || needed.Bundles[1].Key != "gone" {
		t.Errorf("with one that the save needs: %+v", needed.Bundles)
	}
	if carried(nil, nil, nil) != nil {
		t.Error("something comes of nothing")
	}
	own := &snapshot.Locations{Bundles: []snapshot.Bundle{{Key: "new", Size: 100}}, Objects: []snapshot.Located{located("2", 0, 5, 20)}}
	joined := joinLocations(own, got)
	for _, x := range joined.Objects {
		if x.Object == snapshot.HashName("2") && (joined.Bundles[x.Bundle].Key != "new" || x.Off != 5) {
			t.Errorf("what is in both lies in %+v", x)
		}
	}
	if len(joined.Objects) != 2 || len(joined.Bundles) != 3 {
		t.Errorf("%+v", joined)
	}
}

// TestFit: a table has no more bundles than readers accept.
func TestFit(t *testing.T) {
	l := new(snapshot.Locations)
	for i := range snapshot.MaxBundles + 5 {
		l.Bundles = append(l.Bundles, snapshot.Bundle{Key: fmt.Sprint("k", i), Size: 10})
		l.Objects = append(l.Objects, located(fmt.Sprint(i), i, 0, 10))
	}
	l.Sort()
	out := fit(l)
	if _, err := out.Encode(snapshot.ManifestFollow); err != nil || len(out.Objects) != snapshot.MaxBundles {
		t.Errorf("%d objects, %v", len(out.Objects), err)
	}
}

// TestThrottle: all wait as long as the first one is told to, once.
func TestThrottle(t *testing.T) {
	now := time.Unix(1000, 0)
	th := &throttle{now: func() time.Time { return now }}
	ctx := context.Background()
	if _, ok := th.decide(ctx, now, 2*time.Minute); ok {
		t.Error("waits for two minutes")
	}
	short, cancel := context.WithDeadline(ctx, now.Add(5*time.Second))
	defer cancel()
	if _, ok := th.decide(short, now, 10*time.Second); ok {
		t.Error("waits for longer than there is time")
	}
	until, ok := th.decide(ctx, now, 30*time.Second)
	if !ok || !until.Equal(now.Add(30*time.Second)) {
		t.Errorf("%v, %t", until, ok)
	}
	now = now.Add(10 * time.Second)
	if again, ok := th.decide(ctx, now, 30*time.Second); !ok || !again.Equal(until) {
		t.Errorf("another request waits until %v, not %v", again, until)
	}
	now = now.Add(30 * time.Second)
	if _, ok := th.decide(ctx, now, time.Second); ok {
		t.Error("waits a second time")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for text, want := range map[string]time.Duration{
		"30": 30 * time.Second, " 0 ": 0, "": usualRetry, "soon": usualRetry, "-5": usualRetry,
		now.Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
		"99999999": 24 * time.Hour,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestLayout: pieces lie one after the other, and each object in its piece.
func TestLayout(t *testing.T) {
	objects, ids, size := layout([]piece{
		{[]string{"b", "a"}, 30, []snapshot.Located{located("1", 0, 0, 30)}},
		{nil, 0, []snapshot.Located{located("empty", 0, 0, 0)}},
		{[]string{"c"}, 12, []snapshot.Located{located("2", 0, 0, 5), located("3", 0, 5, 7)}},
	})
	l := &snapshot.Locations{Objects: []snapshot.Located{located("1", 0, 0, 30), located("empty", 0, 30, 0), located("2", 0, 30, 5), located("3", 0, 35, 7)}}
	l.Sort()
	if diff := cmp.Diff(l.Objects, objects); diff != "" || size != 42 || !slices.Equal(ids, []string{"b", "a", "c"}) {
		t.Errorf("%d bytes, %q, %s", size, ids, diff)
	}
}

// TestJoined reads a head and what follows as one.
func TestJoined(t *testing.T) {
	c := joined([]byte("head"), contentOf([]byte("and tail")))
	for off := range int(c.size) + 1 {
		for n := range int(c.size) - off + 1 {
			p := make([]byte, n)
			if m, err := c.at.ReadAt(p, int64(off)); m != n || err != nil && n > 0 && off+n < int(c.size) || string(p) != "headand tail"[off:off+n] {
				t.Errorf("%d bytes from %d: %q, %d, %v", n, off, p, m, err)
			}
		}
	}
}

func TestBlockID(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 9, 10, 999, 50_000} {
		id := blockID(n)
		if len(id) != len(blockID(0)) || seen[id] {
			t.Errorf("%d: %q", n, id)
		}
		seen[id] = true
	}
}

func TestPackNames(t *testing.T) {
	pack := snapshot.PackObject("r", "s", digest.Of(nil))
	if !snapshot.IsImmutable(pack) || snapshot.IsShared(pack) {
		t.Error(pack)
	}
	private := "v2/repos/r/s/modules/example.com/m/@v/v1.0.0/" + digest.Of(nil).String()
	shared := "v2/modules/example.com/m/@v/v1.0.0/" + digest.Of(nil).String()
	if !snapshot.IsImmutable(private) || snapshot.IsShared(private) || !snapshot.IsImmutable(shared) || !snapshot.IsShared(shared) {
		t.Error(private, shared)
	}
}

// TestParseSnapshotKey: the key of an entry tells what it is of, with and without --key-extra.
func TestParseSnapshotKey(t *testing.T) {
	for _, extra := range []string{"", "debian_12-0123456789abcdef"} {
		key := []string{"build, test", "linux", "arm64-on-amd64", "go1.26.8", strings.Repeat("ab", 32)}
		if extra != "" {
			key = slices.Insert(key, 4, extra)
		}
		k, ok := ParseSnapshotKey(numbered(entryPrefix(snapshot.ManifestObject("github.com/o/r", "refs/heads/main", key)), 12))
		if !ok || k.Extra != extra || k.N != 12 || k.Readable != "build_2c_20test_linux_arm64_on_amd64_go1.26.8" {
			t.Errorf("%q: %+v, %t", extra, k, ok)
		}
		if !k.IsOf("github.com/o/r", "build, test") || k.IsOf("github.com/o/r", "build") || k.IsOf("github.com/o/other", "build, test") {
			t.Errorf("%+v is of another name", k)
		}
	}
	for _, other := range []string{"gocache2-x-1", "gocache2b-1", "setup-go-1", numbered(entryPrefix("some/other"), 1)} {
		if k, ok := ParseSnapshotKey(other); ok {
			t.Errorf("%s is taken for a snapshot: %+v", other, k)
		}
	}
}
