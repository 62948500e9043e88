package save

import (
	"testing"
	"time"
)

// TestBuiltIn: entries that one build made add up to its time, pauses between builds and what was
// not reused count for nothing, nor does the same time twice.
func TestBuiltIn(t *testing.T) {
	at := func(seconds ...float64) (list []int64) {
		for _, s := range seconds {
			list = append(list, int64(s*float64(time.Second)))
		}
		return list
	}
	build := at(100, 100.5, 101, 101.25, 102.5, 5000, 5001)
	tests := map[string]struct {
		times, reused []int64
		want          time.Duration
	}{
		"all":         {build, build, 3500 * time.Millisecond},
		"one build":   {build, at(100.5, 101, 101.25, 102.5), 2500 * time.Millisecond},
		"a part":      {build, at(102.5, 101), 1750 * time.Millisecond},
		"known twice": {append(at(101, 100.5), build...), at(101, 101), 500 * time.Millisecond},
		"nothing":     {build, nil, 0},
		"the first":   {at(7), at(7), 0},
	}
	for name, tt := range tests {
		if got := builtIn(append([]int64(nil), tt.times...), tt.reused); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
