package goflags

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := map[string][]Flag{
		"":                             nil,
		" \t\r\n":                      nil,
		"-a --b -c=1 --d=":             {{"a", "", false}, {"b", "", false}, {"c", "1", true}, {"d", "", true}},
		`'-ldflags=-s -w' "-tags=a,b"`: {{"ldflags", "-s -w", true}, {"tags", "a,b", true}},
		`'-a''-b'`:                     {{"a", "", false}, {"b", "", false}},
		// a quote inside a word is an ordinary character, and b' is not a flag
		`-tags='a b'`:                   {{"tags", "'a", true}},
		`-x=a=b`:                        {{"x", "a=b", true}},
		"x - -- --- ---x -= --= -=x ''": nil,
		// only four characters count as spaces
		"-a\u00a0-b": {{"a\u00a0-b", "", false}},
	}
	for in, want := range tests {
		got, err := Parse(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", in, diff)
		}
	}
	for _, in := range []string{`'-a`, `-b "`, `"-x'`} {
		if got, err := Parse(in); err == nil || got != nil {
			t.Errorf("%q is read as %v", in, got)
		}
	}
}

func TestValues(t *testing.T) {
	for in, want := range map[string]bool{
		"": false, "-w": true, "--w=t": true, "'-w'": true, "-w=TRUE": true, "-w=1 -w=0": false, "-w=F": false,
		"-w=yes": false, "-w -w=maybe": true, "-ww": false, "-x='-w'": false, "'-x -w'": false, "'-w": false,
	} {
		if got := Bool(in, "w"); got != want {
			t.Errorf("Bool(%q) = %v", in, got)
		}
	}
	for in, want := range map[string]string{
		"": "", "-f=a": "a", "--f=a -f=b": "b", `"-f=a b"`: "a b", "-f": "", "-f=a -f=": "", "-g=-f=a": "",
	} {
		if got := String(in, "f"); got != want {
			t.Errorf("String(%q) = %q", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`-a '--b=c d' "-e"`)
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Parse(s)
		if err != nil && list != nil {
			t.Error("flags are returned with an error")
		}
		for _, x := range list {
			if x.Name == "" || strings.ContainsAny(x.Name[:1], "-=") || strings.Contains(x.Name, "=") {
				t.Errorf("%q: name %q", s, x.Name)
			}
		}
	})
}
