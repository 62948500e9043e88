package stats

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/org/gocache-action/internal/modcache"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestText: what people read.
func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := sampleReport(t, 3000, 60, 12).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), b.String()); diff != "" {
		t.Errorf("text (-want +got), rewrite it with -update:\n%s", diff)
	}
	if strings.Contains(b.String(), "secret") {
		t.Error("the password of a URL is shown")
	}
}

// TestEmptyText: a machine without anything.
func TestEmptyText(t *testing.T) {
	r := &Report{Time: now, Modules: sumModules(nil, modcache.DownloadSizes{}, nil, true, now), Build: sampleBuild(0)}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), ": 0 B, 0 versions") || !strings.Contains(b.String(), "0 entries") {
		t.Errorf("printed %q", b.String())
	}
	if err := r.WritePage(&b); err != nil {
		t.Error(err)
	}
}

// parsePage parses a page as a browser does, and fails for what needs the network.
func parsePage(t *testing.T, page []byte) (elements map[string]int, texts string) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	elements = map[string]int{}
	var b strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			elements[n.Data]++
			for _, a := range n.Attr {
				if slices.Contains([]string{"src", "href", "srcset", "data", "action", "style", "onclick"}, a.Key) {
					t.Errorf("<%s %s=%q>: the page needs something else, or the policy forbids it", n.Data, a.Key, a.Val)
				}
			}
		case html.TextNode:
			b.WriteString(n.Data + "\n")
		}
	}
	return elements, b.String()
}

// TestFacts: where little is known, one line says so, and one of something is one.
func TestFacts(t *testing.T) {
	now := time.Now()
	pace := 1.0
	r := &Report{
		Time: now, Store: &Store{Other: amount(1, 100)},
		Growth: []Growth{
			{Of: "both caches", Points: 1, Limit: 100, LimitName: quotaCaches, Bytes: 50}, {Of: "modules", Points: 1},
			{Of: "build cache", Points: 2}, {Of: "disk of /x", Points: 1, Limit: 100, LimitName: diskLimit},
			{Of: "store", Points: 3, PerDay: &pace},
		},
	}
	var names []string
	for _, f := range r.growthFacts() {
		names = append(names, f[0])
	}
	if got := strings.Join(names, ", "); got != "both caches, store, too few points" {
		t.Errorf("lines of growth: %s", got)
	}
	if got := r.growthFacts()[2][1]; got != "1 to 2 of 3 days: modules, build cache, disk of /x" {
		t.Error(got)
	}
	if got := r.freeable(); len(got) != 1 || got[0][1] != "100 B, 1 object in the store" {
		t.Error(got)
	}
}

// TestPage: the page stands alone, is small whatever the caches hold, and names that people choose
// stay text.
func TestPage(t *testing.T) {
	r := sampleReport(t, 300_000, 4000, 400)
	r.Store.Repos.Rows[0].Name = `</script><script>alert(1)</script>`
	r.Store.Repos.Rows[0].Count++ // as if it had two scopes: otherwise the list of scopes is enough
	r.Modules.Kinds[0].Name = `"><img src=x>`
	var b bytes.Buffer
	if err := r.WritePage(&b); err != nil {
		t.Fatal(err)
	}
	elements, texts := parsePage(t, b.Bytes())
	if elements["script"] != 1 || elements["style"] != 1 || elements["img"]+elements["link"]+elements["iframe"] > 0 {
		t.Errorf("elements: %v", elements)
	}
	if n := elements["tr"]; n < 500 || n > 9*MaxRows {
		t.Errorf("%d rows", n)
	}
	if b.Len() > 1<<20 {
		t.Errorf("%d bytes", b.Len())
	}
	if elements["polyline"] < 4 {
		t.Errorf("%d lines in charts", elements["polyline"])
	}
	for _, want := range []string{"</script><script>alert(1)</script>", "GOMODCACHE", "both caches", "trim would free", "300,000 entries", " others", "exceeds the quota of the store"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(texts, "ZgotmplZ") || strings.Contains(b.String(), "http:") || strings.Contains(b.String(), "url(") {
		t.Error("the page has something that a browser would not show, or would fetch")
	}
}
