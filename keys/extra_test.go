package keys

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExtra: different sets of values have different elements of the key, whatever is in them, and
// the same set has the same one.
func TestExtra(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9_]{1,40}-[0-9a-f]{16}$`)
	seen := map[string]string{}
	for _, values := range [][]string{
		{"debian:12"}, {"debian_12"}, {"Debian:12"}, {"debian", "12"}, {"debian,12"}, {"latest"}, {"con"}, {".."},
		{strings.Repeat("x", 300)}, {strings.Repeat("x", 301)}, {"ä"}, {"ö"}, {strings.Repeat("ab", 32)},
	} {
		p, err := Derive(Input{Name: "n", Files: []File{{Path: "go.mod", Data: []byte("module m\n")}}, Extra: values})
		if err != nil {
			t.Fatal(err)
		}
		if !valid.MatchString(p.Key.Extra) {
			t.Errorf("%q: element %q", values, p.Key.Extra)
		}
		if other, ok := seen[p.Key.Extra]; ok {
			t.Errorf("%q has the element of %s: %q", values, other, p.Key.Extra)
		}
		seen[p.Key.Extra] = fmt.Sprint(values)
		if exact := p.Key.Exact(); len(exact) != 6 || exact[4] != p.Key.Extra || !strings.Contains(p.Key.String(), p.Key.Extra) {
			t.Errorf("%q: key %q, %s", values, exact, p.Key)
		}
		if i := slices.IndexFunc(p.Ingredients, func(i Ingredient) bool { return i.Name == "key-extra" }); i < 0 || p.Ingredients[i].Value != slices.Sorted(slices.Values(values))[0] {
			t.Errorf("%q is not explained: %v", values, p.Ingredients)
		}
	}
	of := func(values ...string) string {
		set, err := extraSet(values)
		if err != nil {
			t.Fatal(err)
		}
		return extraElement(set)
	}
	if of("a", "b") != of("b", "a", "b") {
		t.Error("the order of values, or that one is given twice, changes the element")
	}
	if of() != "" {
		t.Errorf("none has the element %q", of())
	}
	// Fixed for ever: otherwise all users of --key-extra lose their snapshots.
	if got, want := of("debian:12", "gcc 14"), "debian_12_gcc_14-226bf96dcf9e55aa"; got != want {
		t.Errorf("element %s, want %s", got, want)
	}
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	if _, err := extraSet(many); err == nil {
		t.Error("17 values are accepted")
	}
}

// TestCleanExtra: what can be a value.
func TestCleanExtra(t *testing.T) {
	for value, want := range map[string]string{" debian:12\r\n": "debian:12", "a,b": "a,b", "": "", "a\tb": "", "a\x1b[31m": "", strings.Repeat("x", 513): ""} {
		got, err := CleanExtra(value)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
}
