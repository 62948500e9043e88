package summary

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
)

// hostile are names that could break a page: they could end a code span, a cell, a line, a tag or a
// chart, or become a link.
var hostile = []string{
	"feature/a|b", "a`b", "``", "`", "a``|`b", `back\slash`, `\|`, `\`, "</code><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
	"</details></summary>", "a\nb", "a\n\n# heading", "\r\n| a | b |", "a\x00b", "\u202egnp.exe", "\xff\xfe", "&lt;b&gt;", "&#96;", "[a](https://example.com)",
	"![a](https://example.com/x.png)", "https://example.com/", "www.example.com", "a@example.com", "@octocat", "#1", "org/repo#1", "$x$", "$`x`$", "**b**", "~~a~~", "_a_",
	"```", "~~~mermaid", `"]`, `%%{init: {}}%%`, "- a", "> a", "1. a", "    a", "<!-- a", "<!--> a -->", "<details open>", ":smile:", "| |", "||", " | ", " lead", "trail ", "$$", "==", "---", "+", "é|ü`",
}

// named returns a section in which every name and message is s, once among harmless ones and once
// alone.
func named(s string) *Section {
	sec := sample()
	sec.Job, sec.Tool = s, s
	sec.Notes = []Note{{s, s}}
	r, v := sec.Restore, sec.Save
	r.Key, r.Scope, v.Scope = s, s, s
	r.Lost = []Loss{{s, s, s}}
	v.Largest, v.Outputs = []Item{{Name: s}}, []Item{{Kind: "package", Name: s}}
	v.Trim.Largest = []Dropped{{Kind: s, Name: s, Reason: s, LastUse: now}}
	v.Trend[0].Run, v.Trend[1].Run = s, s
	return sec
}

// rendered converts a page to HTML as GitHub does, and returns its tags in order, and its text.
func rendered(markdown string) (tags []string, text string) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	var out bytes.Buffer
	if err := md.Convert([]byte(markdown), &out); err != nil {
		panic(err) // cannot happen, since it writes to memory
	}
	var all strings.Builder
	for z := nethtml.NewTokenizer(&out); ; {
		switch z.Next() {
		case nethtml.ErrorToken:
			return tags, all.String()
		case nethtml.TextToken:
			all.WriteString(z.Token().Data)
		default:
			// A span only separates an at sign from what follows.
			if tok := z.Token(); tok.Data != "span" {
				tags = append(tags, tok.String())
			}
		}
	}
}

var tamePage = sync.OnceValues(func() ([]string, string) { return rendered(named("tame").Markdown()) })

// checkName compares the page with that of a harmless name: it has the same tags, and shows the
// name in full wherever it should.
func checkName(t *testing.T, name string) {
	t.Helper()
	shown := printable(name)
	if shown == "" {
		return
	}
	want, tame := tamePage()
	tags, text := rendered(named(name).Markdown())
	if d := cmp.Diff(want, tags); d != "" {
		t.Fatalf("%q changes the page: -want +got\n%s", name, d)
	}
	places := strings.Count(tame, "tame")
	if len([]rune(shown)) > maxWord || len(name) > 16*maxWord || strings.Contains(text, shown+shown) {
		return // the name is cut, or its occurrences cannot be counted
	}
	if n := strings.Count(text, shown); n < places {
		t.Errorf("%q is shown as it is in %d places, want %d:\n%s", name, n, places, text)
	}
}

// TestHostileNames tests hostile parts of a name; the seeds of FuzzNames are the same parts alone.
func TestHostileNames(t *testing.T) {
	for _, name := range hostile {
		checkName(t, "lead "+name+" trail")
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Add(strings.Repeat("\xae", 300) + "\x00" + strings.Repeat("\xae", 300))
	f.Fuzz(func(t *testing.T, name string) { checkName(t, name) })
}

// TestNothingHidden: invisible characters, and those that change the direction of writing, are
// escaped.
func TestNothingHidden(t *testing.T) {
	page := named("a\u202eb\u200bc\x07d\u2066e").Markdown()
	for _, r := range page {
		if r != '\n' && r != '\u200b' && !unicode.IsPrint(r) {
			t.Errorf("%q on the page", r)
		}
	}
	if _, text := rendered(page); !strings.Contains(text, `a\u202eb\u200bc\u0007d\u2066e`) {
		t.Errorf("not escaped: %s", text)
	}
}
