package finding

import (
	"fmt"
	"strings"
	"testing"
)

func TestAbridged(t *testing.T) {
	var list Findings
	add := func(check string, s Status, n int) {
		for i := range n {
			list = append(list, Finding{Check: check, Status: s, Evidence: fmt.Sprint(i)})
		}
	}
	add("tree", Fail, 4)
	add("output", Fail, 1234)
	add("output", Warn, 5)
	add("zip", Fail, 3)
	list[1237].Remedy = Run("gocache verify --fix") // of the last output
	var got []string
	for _, one := range list.Abridged(3) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", one.Check, one.Status, one.Evidence, one.Remedy.Command)))
	}
	want := `tree fail 0; tree fail 1; tree fail 2; tree fail 3; output fail 0; output fail 1; output fail 2; output fail and 1,231 more like these gocache verify --fix; ` +
		`output warn 0; output warn 1; output warn 2; output warn and 2 more like these; zip fail 0; zip fail 1; zip fail 2`
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got\n%s, want\n%s", text, want)
	}
	if len(Findings(nil).Abridged(3)) != 0 {
		t.Error("something came out of nothing")
	}
}
