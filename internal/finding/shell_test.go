package finding

import "testing"

func TestQuote(t *testing.T) {
	for _, c := range []struct{ goos, text, want string }{
		{"linux", "a b", "'a b'"}, {"darwin", "it's", `'it'\''s'`}, {"windows", `C:\a b`, `"C:\a b"`},
	} {
		if got := quoteFor(c.goos, c.text); got != c.want {
			t.Errorf("%s: %s, want %s", c.goos, got, c.want)
		}
	}
	for goos, want := range map[string]string{"linux": "export GOWORK=off", "windows": `$env:GOWORK="off"`} {
		if got := exportFor(goos, "GOWORK", "off"); got != want {
			t.Errorf("%s: %s, want %s", goos, got, want)
		}
	}
	for text, plain := range map[string]bool{"github.com/corp,a@v1": true, "github.com/corp/*": false, "": false, "a|b": false, "!big": false} {
		if got := Word(text); (got == text) != plain || !plain && got != Quote(text) {
			t.Errorf("%q became %s", text, got)
		}
	}
}
