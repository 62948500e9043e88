package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestParseEnv(t *testing.T) {
	for text, want := range map[string][]setting{
		"":                             nil,
		"# A=b\n\n  \t\n":              nil,
		"A=b":                          {{"A", "b"}},
		"A=\r\nB_1=x = y # no comment": {{"A", ""}, {"B_1", "x = y # no comment"}},
		"A=\"quoted\"\n":               {{"A", `"quoted"`}},
	} {
		if got, err := parseEnv(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"A", "=secret", "A B=secret", "export A=secret", "A=b\nÄ=secret", "A=\x00secret"} {
		if _, err := parseEnv(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParseEnv: what was read is written such that it is read again.
func FuzzParseEnv(f *testing.F) {
	f.Add("# x\nA=b\r\nC_2= d=e ")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseEnv(text)
		if err != nil {
			return
		}
		again, err := formatEnv(list)
		if err != nil {
			return // a carriage return within a line
		}
		if got, err := parseEnv(again); err != nil || !slices.Equal(got, list) {
			t.Errorf("%q became %q: %v, %v", text, again, got, err)
		}
	})
}
