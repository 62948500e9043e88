package report

import (
	"testing"
	"time"
)

// TestPhases: phases add up, one that comes twice included, and the last one runs until somebody
// asks.
func TestPhases(t *testing.T) {
	m := new(Meter)
	if got := m.Phases(); len(got) != 0 || m.Phase() != "" {
		t.Errorf("before the first: %v", got)
	}
	begin := time.Now()
	for _, p := range []string{"scan", "upload", "scan"} {
		m.SetPhase(p)
		time.Sleep(2 * time.Millisecond)
	}
	got := m.Phases()
	all := time.Since(begin)
	if m.Phase() != "scan" || len(got) != 2 || got["scan"] < 4*time.Millisecond || got["upload"] < 2*time.Millisecond || got["scan"]+got["upload"] > all {
		t.Errorf("%v of %v, now %s", got, all, m.Phase())
	}
	if again := m.Phases(); again["scan"] < got["scan"] || again["upload"] != got["upload"] {
		t.Errorf("first %v, then %v", got, again)
	}
}

// TestTransfer: bytes count in all, and by kind.
func TestTransfer(t *testing.T) {
	m := new(Meter)
	m.Transfer("pack", 3)
	m.Transfer("module", 4)
	m.Transfer("pack", 5)
	if got := m.Transferred(); m.Bytes.Load() != 12 || len(got) != 2 || got["pack"] != 8 || got["module"] != 4 {
		t.Errorf("%d, %v", m.Bytes.Load(), got)
	}
}
