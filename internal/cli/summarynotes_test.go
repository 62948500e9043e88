package cli

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/restore"
)

// TestLossNotes: losses that this machine caused are no reason to suspect the store.
func TestLossNotes(t *testing.T) {
	loss := func(kind string, n int) (list []restore.Loss) {
		for range n {
			list = append(list, restore.Loss{What: "x", Kind: kind})
		}
		return list
	}
	for kind, c := range map[string]struct {
		text    string
		suspect bool // the note casts doubt on the store
	}{
		install.KindRefused: {"did not pass verification was not restored (3 times)", true},
		install.KindMissing: {"gone from the store (3)", false},
		install.KindLocked:  {"another program had them open (3)", false},
		install.KindDisk:    {"could not be written to the disk of this machine (3 places)", false},
	} {
		notes := lossNotes(loss(kind, 3))
		if len(notes) != 1 || !strings.Contains(notes[0].Text, c.text) || notes[0].Hint == "" {
			t.Fatalf("%s: %+v", kind, notes)
		}
		if got := strings.Contains(notes[0].Hint, "who else writes to the store") || strings.Contains(notes[0].Text, "verification"); got != c.suspect {
			t.Errorf("%s: %+v", kind, notes)
		}
	}
	all := append(loss(install.KindLocked, 5), append(loss(install.KindRefused, 1), loss(install.KindDisk, 2)...)...)
	if notes := lossNotes(all); len(notes) != 3 || !strings.Contains(notes[0].Text, "(1 times)") {
		t.Errorf("%+v", notes)
	}
	if notes := lossNotes(nil); notes != nil {
		t.Errorf("%+v", notes)
	}
}
