package collect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
)

// Limits of the rules that the table tests.
const (
	maxSmall  = 32
	smallPack = 4 << 20
)

// shares reads lines such as "NAME LIVE/RAW remote".
func shares(lines ...string) (list []collect.Share) {
	for _, line := range lines {
		var s collect.Share
		fmt.Sscanf(line, "%s %d/%d", &s.Object, &s.Live, &s.Raw)
		s.Remote = strings.HasSuffix(line, " remote")
		list = append(list, s)
	}
	return list
}

// TestRepack: the packs with the fewest live bytes come first, within the budget; small packs are
// repacked when there are many.
func TestRepack(t *testing.T) {
	many := func(n int, raw int64) (list []collect.Share) {
		for i := range n {
			list = append(list, collect.Share{Object: fmt.Sprintf("s%02d", i), Live: raw, Raw: raw})
		}
		return list
	}
	for name, c := range map[string]struct {
		packs  []collect.Share
		budget int64
		want   string
	}{
		"none":                     {nil, 100, ""},
		"all alive":                {shares("a 52428800/52428800"), 1 << 40, ""},
		"too little alive":         {shares("a 69/100", "b 83886080/83886080"), 1 << 40, "a"},
		"enough alive":             {shares("a 70/100", "b 83886080/83886080"), 1 << 40, ""},
		"too little of all":        {shares("a 80/100", "b 75/100"), 1 << 40, "b"},
		"until enough is alive":    {shares("a 75/100", "b 76/100", "c 77/100"), 1 << 40, "a b"},
		"not here":                 {shares("a 10/100 remote", "b 20/100"), 1 << 40, "b"},
		"dead bytes that stay":     {shares("a 10/1000 remote", "b 95/100", "c 99/100"), 1 << 40, ""},
		"within the budget":        {shares("a 30/100", "b 20/100", "c 25/100"), 50, "b c"},
		"too large for the budget": {shares("a 30/100"), 29, ""},
		"dead":                     {shares("a 0/100"), 0, "a"},
		"an empty pack":            {shares("a 0/0"), 10, ""},
		"few small ones":           {many(maxSmall, 100), 1 << 40, ""},
		"many small ones":          {many(maxSmall+1, 100), 300, "s00 s01 s02"},
		"many that are not small":  {many(maxSmall+1, smallPack), 1 << 40, ""},
		"equal ones":               {shares("b 10/100", "a 10/100"), 10, "a"},
	} {
		before := slices.Clone(c.packs)
		var got []string
		for object := range collect.Repack(c.packs, c.budget) {
			got = append(got, object)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if !slices.Equal(c.packs, before) {
			t.Errorf("%s: the list has changed", name)
		}
	}
}
