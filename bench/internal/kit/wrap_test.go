package kit

import (
	"strings"
	"testing"
)

func TestWrapPage(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 25)) // 124 characters
	half := strings.TrimSpace(strings.Repeat("word ", 20))
	for name, c := range map[string]struct{ page, want string }{
		"paragraphs":         {"a\nb\n\nc\n", "a b\n\nc\n"},
		"a long line":        {long + "\n", half + "\n" + strings.TrimSpace(strings.Repeat("word ", 5)) + "\n"},
		"a list":             {"- " + long + "\n- x\n  y\n", "- " + strings.TrimSpace(strings.Repeat("word ", 19)) + "\n  " + strings.TrimSpace(strings.Repeat("word ", 6)) + "\n- x y\n"},
		"tables, heads":      {"# " + long + "\n\n| " + long + " |\n|---|\n", "# " + long + "\n\n| " + long + " |\n|---|\n"},
		"code":               {"    " + long + "\n\n```sh\n- " + long + "\n```\n", "    " + long + "\n\n```sh\n- " + long + "\n```\n"},
		"HTML":               {"<img src=\"x\" " + long + ">\n", "<img src=\"x\" " + long + ">\n"},
		"no new list item":   {half[:99] + " - b\n", half[:99] + " -\nb\n"},
		"text before a list": {"a:\n- b\n", "a:\n- b\n"},
	} {
		if got := WrapPage(c.page); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if again := WrapPage(WrapPage(c.page)); again != WrapPage(c.page) {
			t.Errorf("%s: wrapped twice it is %q", name, again)
		}
	}
}
