package yamlfile

import (
	"strings"
	"testing"
)

type settings struct {
	Name  string `yaml:"name"`
	Limit struct {
		Size *int `yaml:"size"`
	} `yaml:"limit"`
	List []struct {
		Mode string `yaml:"mode"`
	} `yaml:"list"`
	Parts map[string]struct {
		Weight float64 `yaml:"weight"`
	} `yaml:"parts"`
}

func TestDecode(t *testing.T) {
	var s settings
	err := Decode([]byte("name: n\nlimit: {size: 3}\nlist:\n- mode: a\n- &x {mode: b}\n- *x\nparts: {p: {weight: 2}}\n"), &s)
	if err != nil || s.Name != "n" || *s.Limit.Size != 3 || len(s.List) != 3 || s.List[2].Mode != "b" || s.Parts["p"].Weight != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"":                                   "",
		"# nothing\n":                        "",
		"name: [":                            "line 1: did not find expected node content",
		"\nnames: x":                         `line 2: unknown key "names"; there are name, limit, list, parts`,
		"limit:\n  zip: 1":                   `line 2: unknown key "zip"; there are size`,
		"list:\n- mode: a\n- moode: b\n":     `line 3: unknown key "moode"; there are mode`,
		"parts:\n  p:\n    wait: b\n":        `line 3: unknown key "wait"; there are weight`,
		"limit: {size: big}":                 "line 1: cannot unmarshal !!str `big` into int",
		"- name":                             "line 1: cannot unmarshal !!seq into",
		"a: 1\nb: 2\n":                       `unknown key "b"`,
		"limit: {size: 1, <<: {zip: 1}}\n":   `unknown key "<<"`,
		"name: x\nname: y\n":                 `mapping key "name" already defined at line 1`,
		"list: {mode: a}":                    "cannot unmarshal !!map",
		"name: " + strings.Repeat("[", 2000): "line 1",
	} {
		err := Decode([]byte(text), new(settings))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// FuzzDecode: no document makes it panic or run away.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: n\nlist: [&a {mode: b}, *a]\nparts: {p: {weight: 2}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) { _ = Decode(data, new(settings)) })
}
