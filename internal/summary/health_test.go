package summary

import (
	"strings"
	"testing"
)

// TestHealth: the grade has a line of its own, which names what is worst; unknown has none.
func TestHealth(t *testing.T) {
	for _, c := range []struct {
		health *Health
		want   string
	}{
		{&Health{Grade: "healthy", Score: 96}, "\n\nHealth: **healthy**, 96 of 100.\n\n"},
		{&Health{Grade: "warning", Score: 75, Worst: "30 % <of> them"}, "\n\nHealth: **warning**, 75 of 100: &#51;0 % &#60;of&#62; them.\n\n"},
	} {
		sec := &Section{Job: "j", Save: &Save{}, Health: c.health}
		for _, text := range []string{sec.Markdown(), sec.Short()} {
			if !strings.Contains(text, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
		}
	}
	if text := (&Section{Job: "j", Save: &Save{}}).Markdown(); strings.Contains(text, "Health") {
		t.Errorf("unknown:\n%s", text)
	}
}
