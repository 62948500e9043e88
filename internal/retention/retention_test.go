package retention

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// history makes n items of both kinds, some of which share contents, with last uses spread over a
// month.
func history(rnd *rand.Rand, n int) []Item {
	sizes := map[[2]int]int64{}
	var out []Item
	for range n {
		kind, content := rnd.IntN(2), rnd.IntN(n)
		if _, ok := sizes[[2]int{kind, content}]; !ok {
			sizes[[2]int{kind, content}] = int64(rnd.IntN(1000))
		}
		out = append(out, Item{
			Kind: Kind(kind), Content: int32(content), Size: sizes[[2]int{kind, content}], Pinned: rnd.IntN(20) == 0,
			LastUse: now.Add(-time.Duration(rnd.IntN(30*24)) * time.Hour).Unix(),
		})
	}
	return out
}

// size returns the size of what is kept, each content counted once, in total and for pinned items
// alone.
func size(items []Item, v []Verdict, kind Kind) (all, pinned int64) {
	seen, seenPinned := map[int32]bool{}, map[int32]bool{}
	for i, it := range items {
		if v[i] != Kept || it.Kind != kind {
			continue
		}
		if !seen[it.Content] {
			seen[it.Content] = true
			all += it.Size
		}
		if it.Pinned && !seenPinned[it.Content] {
			seenPinned[it.Content] = true
			pinned += it.Size
		}
	}
	return all, pinned
}

// TestDecide checks the rules on generated histories.
func TestDecide(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		items := history(rnd, 60)
		p := Policy{Now: now, MaxAge: week}
		for _, b := range []*int64{&p.MaxSize, &p.MaxModules, &p.MaxBuild} {
			if rnd.IntN(2) == 0 {
				*b = 1 + int64(rnd.IntN(20000))
			}
		}
		if rnd.IntN(4) == 0 {
			p.UsedSince = now.Add(-2 * week)
		}
		v := Decide(items, p)
		checkAge(t, seed, items, v, p)
		checkSize(t, seed, items, v, p)
		checkOrder(t, seed, items, v, p)
		if !slices.Equal(v, Decide(items, p)) {
			t.Fatalf("seed %d: not deterministic", seed)
		}
		checkIdempotent(t, seed, items, v, p)
	}
}

// checkAge: items used within MaxAge, or by the job, are not dropped because of their age; all
// others are.
func checkAge(t *testing.T, seed uint64, items []Item, v []Verdict, p Policy) {
	t.Helper()
	for i, it := range items {
		young := it.Pinned || it.LastUse >= now.Add(-week).Unix() || !p.UsedSince.IsZero() && it.LastUse >= p.UsedSince.Unix()
		if young == (v[i] == TooOld) {
			t.Fatalf("seed %d: item used %v is %v", seed, time.Unix(it.LastUse, 0), v[i])
		}
	}
	if p.MaxSize+p.MaxModules+p.MaxBuild == 0 && slices.Contains(v, TooMuch) {
		t.Fatalf("seed %d: dropped for its size without a limit", seed)
	}
}

// checkSize: each limit is respected, unless the pinned items alone exceed it.
func checkSize(t *testing.T, seed uint64, items []Item, v []Verdict, p Policy) {
	t.Helper()
	mods, modsPinned := size(items, v, Module)
	build, buildPinned := size(items, v, Build)
	for _, b := range []struct{ got, pinned, max int64 }{
		{mods, modsPinned, p.MaxModules}, {build, buildPinned, p.MaxBuild}, {mods + build, modsPinned + buildPinned, p.MaxSize},
	} {
		if b.max > 0 && b.got > max(b.max, b.pinned) {
			t.Fatalf("seed %d: %d bytes kept, %d allowed, %d pinned", seed, b.got, b.max, b.pinned)
		}
	}
}

// checkOrder: an item that is dropped for lack of room was used no later than any item of its kind
// that is kept, unless it could never fit.
func checkOrder(t *testing.T, seed uint64, items []Item, v []Verdict, p Policy) {
	t.Helper()
	for i, it := range items {
		half := p.MaxModules
		if it.Kind == Build {
			half = p.MaxBuild
		}
		if v[i] != TooMuch || p.MaxSize > 0 && it.Size > p.MaxSize || half > 0 && it.Size > half {
			continue
		}
		for j, other := range items {
			if v[j] == Kept && !other.Pinned && other.Kind == it.Kind && other.LastUse < it.LastUse {
				t.Fatalf("seed %d: item used %d is dropped, one used %d is kept", seed, it.LastUse, other.LastUse)
			}
		}
	}
}

// checkIdempotent: items that are kept would be kept again.
func checkIdempotent(t *testing.T, seed uint64, items []Item, v []Verdict, p Policy) {
	t.Helper()
	var kept []Item
	for i, it := range items {
		if v[i] == Kept {
			kept = append(kept, it)
		}
	}
	for i, again := range Decide(kept, p) {
		if again != Kept {
			t.Fatalf("seed %d: %+v is kept the first time and %v the second", seed, kept[i], again)
		}
	}
}

func TestNothingFits(t *testing.T) {
	items := []Item{{Kind: Build, LastUse: now.Unix(), Size: 100, Content: 1}, {Kind: Build, LastUse: now.Unix() - 1, Size: 10, Content: 2}}
	if v := Decide(items, Policy{Now: now, MaxSize: 50}); v[0] != TooMuch || v[1] != Kept {
		t.Errorf("an item above the limit made others be dropped: %v", v)
	}
}

func TestClamp(t *testing.T) {
	for _, tt := range []struct{ use, want time.Duration }{{-week, -week}, {24 * time.Hour, 24 * time.Hour}, {week, 0}, {50 * 365 * 24 * time.Hour, 0}} {
		if got := Clamp(now.Add(tt.use).Unix(), now); got != now.Add(tt.want).Unix() {
			t.Errorf("Clamp(now%+v) = now%+v, want now%+v", tt.use, time.Unix(got, 0).Sub(now), tt.want)
		}
	}
}

// TestPrograms: of the programs with the same name, the last two are kept in addition to those that
// the job used, and they are kept for a shorter time than other entries.
func TestPrograms(t *testing.T) {
	program := func(name, content int32, ago time.Duration) Item {
		return Item{Kind: Build, Program: name, Content: content, Size: 1, LastUse: now.Add(-ago).Unix()}
	}
	const hour = time.Hour
	items := []Item{
		program(1, 1, 5*hour), program(1, 2, 4*hour), program(1, 3, 3*hour), program(1, 3, 9*hour), program(1, 4, 2*hour),
		program(2, 5, 90*hour), program(2, 6, 100*hour),
		program(0, 7, 5*hour), program(0, 8, 100*hour), program(0, 9, 90*hour),
	}
	for name, c := range map[string]struct {
		policy Policy
		want   []Verdict
	}{
		"ages":                  {Policy{MaxAge: week, JobBegan: now}, []Verdict{Superseded, Superseded, Kept, Kept, Kept, Kept, TooOld, Kept, Kept, Kept}},
		"no age":                {Policy{JobBegan: now}, []Verdict{Superseded, Superseded, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept}},
		"no job":                {Policy{}, []Verdict{Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept}},
		"the job used the last": {Policy{JobBegan: now.Add(-150 * time.Minute)}, []Verdict{Superseded, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept}},
		"used as it began":      {Policy{JobBegan: now.Add(-2 * hour)}, []Verdict{Superseded, Superseded, Kept, Kept, Kept, Kept, Kept, Kept, Kept, Kept}},
		"short":                 {Policy{MaxAge: 4 * hour, JobBegan: now}, []Verdict{TooOld, Superseded, Kept, TooOld, Kept, TooOld, TooOld, TooOld, TooOld, TooOld}},
		"the job used four": {Policy{MaxAge: week, JobBegan: now.Add(-6 * hour), UsedSince: now.Add(-7 * hour)},
			[]Verdict{Kept, Kept, Kept, Kept, Kept, Kept, TooOld, Kept, Kept, Kept}},
	} {
		c.policy.Now = now
		if got := Decide(items, c.policy); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
