package retention

import (
	"slices"
	"testing"
	"time"
)

// TestPathsAgeOnly: files besides the caches are dropped only when they are too old, whatever the
// size limits are, and they take no room from modules and build entries.
func TestPathsAgeOnly(t *testing.T) {
	at := func(kind Kind, ago time.Duration) Item {
		return Item{Kind: kind, LastUse: now.Add(-ago).Unix(), Size: 100, Content: int32(kind)}
	}
	items := []Item{at(Path, 0), at(Build, time.Hour), at(Path, time.Hour), at(Path, 2*week), at(Module, time.Hour), at(Path, week-time.Hour)}
	for name, c := range map[string]struct {
		policy Policy
		want   []Verdict
	}{
		"age":           {Policy{MaxAge: week}, []Verdict{Kept, Kept, Kept, TooOld, Kept, Kept}},
		"no age":        {Policy{}, []Verdict{Kept, Kept, Kept, Kept, Kept, Kept}},
		"size":          {Policy{MaxSize: 200}, []Verdict{Kept, Kept, Kept, Kept, Kept, Kept}},
		"nothing fits":  {Policy{MaxSize: 50, MaxAge: week}, []Verdict{Kept, TooMuch, Kept, TooOld, TooMuch, Kept}},
		"of this job":   {Policy{MaxAge: week, UsedSince: now.Add(-3 * week)}, []Verdict{Kept, Kept, Kept, Kept, Kept, Kept}},
		"bounds a kind": {Policy{MaxModules: 1, MaxBuild: 1}, []Verdict{Kept, TooMuch, Kept, Kept, TooMuch, Kept}},
	} {
		c.policy.Now = now
		if got := Decide(items, c.policy); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
