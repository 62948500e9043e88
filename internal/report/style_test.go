package report

import (
	"bytes"
	"strings"
	"testing"
)

// TestPaint: only a canvas with colours has any, and the text is the same without them.
func TestPaint(t *testing.T) {
	for _, tone := range []Tone{Plain, Strong, Good, Doubtful, Bad} {
		if got := Paint(new(bytes.Buffer), tone, "text"); got != "text" {
			t.Errorf("%d on a buffer: %q", tone, got)
		}
		if got := Paint(new(Canvas), tone, "text"); got != "text" {
			t.Errorf("%d without colours: %q", tone, got)
		}
		got := Paint(&Canvas{Colours: true}, tone, "text")
		if escape := escapes[tone]; got != escape+"text"+strings.Repeat(escapeEnd, min(len(escape), 1)) {
			t.Errorf("%d with colours: %q", tone, got)
		}
	}
}

func TestHasColours(t *testing.T) {
	if HasColours(new(bytes.Buffer), func(string) string { return "" }) {
		t.Error("a buffer has colours")
	}
}

// TestSummaryParts: the result is the last line, behind all else; a summary of nothing but a result
// is one line.
func TestSummaryParts(t *testing.T) {
	s := Summary{
		Counts: Table{Head: []string{"", "a", ""}, Rows: [][]string{{"x", "1", "more"}, {"longer", "22", "a little"}}, Remarks: true},
		Facts:  [][2]string{{"fact", "value"}}, Reverse: true, Notes: []string{"note"}, Also: "\nalso\n", Result: "result",
	}
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "fact  value\n\n         a\nx        1  more\nlonger  22  a little\n\nnote\n\nalso\n\nresult\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	c := Canvas{Colours: true}
	if err := (Summary{Result: "result", Tone: Bad}).Write(&c); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[1;31mresult\x1b[0m\n"; c.String() != want {
		t.Errorf("%q, want %q", c.String(), want)
	}
}

// TestWrap: words go to the next line where the terminal ends, and logs have lines of any length.
func TestWrap(t *testing.T) {
	text := "one two three four five six seven eight nine ten"
	for columns, want := range map[int]string{
		0: text, 30: text, 100: text,
		40: "one two three four five six\n          seven eight nine ten",
	} {
		if got := Wrap(&Canvas{Columns: columns}, 10, text); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
	if got := Wrap(new(bytes.Buffer), 10, text); got != text {
		t.Errorf("a buffer: %q", got)
	}
	if got := Fold("averylongword b c", 5, "\n"); got != "averylongword\nb c" {
		t.Errorf("a word that is too long: %q", got)
	}
}
