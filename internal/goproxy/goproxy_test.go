package goproxy

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for list, want := range map[string][]Element{
		"":       nil,
		"direct": {{"direct", false}},
		"https://a.example | https://b.example,,off": {{"https://a.example", true}, {"https://b.example", false}, {"off", false}},
		",|": nil,
		"a|": {{"a", true}},
	} {
		if got := Split(list); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	}
}
