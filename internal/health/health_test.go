package health

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// well are the figures of a cache that does well, changed by change.
func well(change func(f *Figures)) Figures {
	f := Figures{
		Now: now, Size: 5 << 30, Bound: 10 << 30,
		Store: Store{Times: []time.Duration{10 * time.Millisecond, 12 * time.Millisecond, time.Minute}},
	}
	for i := range 12 {
		f.Saves = append(f.Saves, Save{
			Time: now.Add(time.Duration(i-12) * time.Hour), Reused: 95, Made: 5, Restore: 20 * time.Second, Save: 30 * time.Second,
		})
	}
	if change != nil {
		change(&f)
	}
	return f
}

// each changes all saves.
func each(change func(s *Save)) func(*Figures) {
	return func(f *Figures) {
		for i := range f.Saves {
			change(&f.Saves[i])
		}
	}
}

// TestJudge: the score follows the weights, and no part can be made up for by the others.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *Figures)
		score  int
		grade  Grade
		cap    string // the part that holds the score down
	}{
		{"all is well", nil, 100, Healthy, ""},
		// a score of 50 has the cap of 75; by weights it were 80
		{"half of the hits", each(func(s *Save) { s.Reused, s.Made = 50, 50 }), 75, Warning, partHits},
		{"no hits", each(func(s *Save) { s.Reused, s.Made = 0, 10 }), 50, Unhealthy, partHits},
		{"one miss among hits", func(f *Figures) { f.Saves[11].Reused, f.Saves[11].Made = 0, 100 }, 100, Healthy, ""},
		{"hits long ago do not count", func(f *Figures) { f.Saves[0].Reused, f.Saves[1].Reused = 0, 0 }, 100, Healthy, ""},
		{"the first save alone, which began cold", func(f *Figures) { f.Saves = f.Saves[:1]; f.Saves[0].Reused = 0 }, 100, Healthy, ""},
		{"the second as well", func(f *Figures) { f.Saves = f.Saves[:2]; f.Saves[0].Reused, f.Saves[1].Reused = 0, 0 }, 50, Unhealthy, partHits},
		{"at the bound", func(f *Figures) { f.Size = f.Bound }, 97, Healthy, partSize},
		{"half as much again", func(f *Figures) { f.Size = f.Bound * 3 / 2 }, 75, Warning, partSize},
		{"slow restores", each(func(s *Save) { s.Restore = 10 * time.Minute }), 70, Warning, partRestore},
		{"slow saves", each(func(s *Save) { s.Save = 10 * time.Minute }), 75, Warning, partSave},
		{"slow store", func(f *Figures) { f.Store.Times = []time.Duration{3 * time.Second} }, 60, Unhealthy, partStore},
		{"a store that does not answer", func(f *Figures) { f.Store = Store{Failed: "refused"} }, 0, Unhealthy, partStore},
		{"and so no saves", func(f *Figures) { *f = Figures{Now: now, Store: Store{Failed: "refused"}} }, 0, Unhealthy, ""},
		{"one of ten lost something", func(f *Figures) { f.Saves[11].Lost = 3 }, 92, Healthy, partLosses},
		{"half of them did", each(func(s *Save) { s.Lost = 1 }), 60, Unhealthy, partLosses},
		{"one of ten refused something", func(f *Figures) { f.Saves[11].Refused = 1 }, 70, Warning, partRefusals},
		{"three of them", func(f *Figures) { f.Saves[11].Refused, f.Saves[10].Refused, f.Saves[9].Refused = 1, 1, 1 }, 40, Unhealthy, partRefusals},
		{"a week old", func(f *Figures) { f.Now = now.Add(8 * 24 * time.Hour) }, 74, Warning, partFreshness},
		{"a month old", func(f *Figures) { f.Now = now.Add(30 * 24 * time.Hour) }, 50, Unhealthy, partFreshness},
		{"clocks that differ", func(f *Figures) { f.Now = now.Add(-24 * time.Hour) }, 100, Healthy, ""},
		{"many little faults", func(f *Figures) {
			each(func(s *Save) { s.Reused, s.Made, s.Restore = 74, 26, 57*time.Second })(f)
			f.Store.Times = []time.Duration{time.Second}
		}, 82, Warning, partStore},
		{"no figures", func(f *Figures) { *f = Figures{Now: now} }, 0, Unknown, ""},
		{"a store alone", func(f *Figures) { f.Saves = nil }, 0, Unknown, ""},
	} {
		r := Judge(well(c.change), Defaults())
		held := ""
		if r.Cap != nil {
			held = *r.Cap
		}
		if r.Score != c.score || r.Grade != c.grade || held != c.cap {
			t.Errorf("%s: %d, %s, held down by %q; want %d, %s, %q\n%+v", c.name, r.Score, r.Grade, held, c.score, c.grade, c.cap, r.Parts)
		}
	}
}

// TestUnknownParts: what is not known is left out, and said; the weights of the others add up to 1.
func TestUnknownParts(t *testing.T) {
	r := Judge(well(func(f *Figures) {
		f.Bound, f.Store = 0, Store{}
		each(func(s *Save) { s.Restore, s.Reused, s.Made = 0, 0, 0 })(f)
		f.Saves[11].Save = 0
	}), Defaults())
	if got := fmt.Sprint(r.Missing); got != "[hits size restore store losses refusals]" || len(r.Parts) != 2 || r.Score != 100 {
		t.Errorf("missing %s, parts %+v", got, r.Parts)
	}
	for _, f := range []Figures{well(nil), well(func(f *Figures) { f.Saves = nil })} {
		sum := 0.0
		for _, p := range Judge(f, Defaults()).Parts {
			sum += p.Weight
		}
		if sum < 0.999 || sum > 1.001 {
			t.Errorf("weights add up to %g", sum)
		}
	}
}

// TestNeverBetter: whatever the figures, the score is no more than the cap of any part, and the
// mean of what is known.
func TestNeverBetter(t *testing.T) {
	s := Defaults()
	for _, reused := range []int{0, 20, 40, 60, 80, 100} {
		for _, days := range []int{0, 3, 7, 14, 21} {
			for _, lost := range []int{0, 2, 6} {
				r := Judge(well(func(f *Figures) {
					each(func(s *Save) { s.Reused, s.Made = reused, 100-reused })(f)
					f.Now = f.Now.Add(time.Duration(days) * 24 * time.Hour)
					for i := range lost {
						f.Saves[11-i].Lost = 1
					}
				}), s)
				mean, lowest := 0.0, 100
				for _, p := range r.Parts {
					mean += p.Weight * float64(p.Score)
					lowest = min(lowest, p.Cap)
				}
				if r.Score > lowest || float64(r.Score) > mean+1 || r.Worst() == nil {
					t.Fatalf("score %d, lowest cap %d, mean %g", r.Score, lowest, mean)
				}
			}
		}
	}
}

// TestEvidence: parts that are not well say what to do, the others do not; each has its figure.
func TestEvidence(t *testing.T) {
	r := Judge(well(func(f *Figures) {
		each(func(s *Save) { s.Reused, s.Made = 50, 50 })(f)
		f.Saves[11].Refused = 2
	}), Defaults())
	var text strings.Builder
	if err := r.Findings().Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fail  hits       50 % of the build entries that jobs used came from the cache (median of 10 saves)\n", "-> run 'gocache plan'",
		"ok    size       5.0 GiB on disk, 50 % of the bound of 10 GiB\n", "ok    store      the store answers within 12ms (median of 3 requests)\n",
		"fail  refusals   1 of the last 10 restores refused what did not pass verification\n", "ok    freshness  the last save was 1 hour ago\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	if n := strings.Count(text.String(), "-> "); n != 2 {
		t.Errorf("%d remedies:\n%s", n, &text)
	}
}

// TestSettings: a file changes what it names, and mistakes are named.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "health.yaml")
	read := func(text string) (Settings, error) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return Read(file)
	}
	s, err := read("healthy: 95\nsaves: 3\nparts:\n  hits: {good: 60%, bad: 0.1, weight: 1}\n  restore: {good: 1m30s, cap: 20}\n  freshness: {bad: 30d}\n  size: {weight: 0}\n")
	if err != nil {
		t.Fatal(err)
	}
	hits, restore := s.Parts[partHits], s.Parts[partRestore]
	if s.Healthy != 95 || s.Warning != 70 || s.Saves != 3 || hits.Good != 0.6 || hits.Bad != 0.1 || hits.Weight != 1 || hits.Cap != 50 ||
		restore.Good != 90 || restore.Bad != 300 || restore.Cap != 20 || s.Parts[partFreshness].Bad != 30*day {
		t.Errorf("%+v", s)
	}
	if r := Judge(well(func(f *Figures) { f.Size = 10 * f.Bound }), s); r.Score != 100 || slices.Contains(r.Missing, partSize) || r.Saves != 3 {
		t.Errorf("without the size: %+v", r)
	}
	if s, err := read(""); err != nil || fmt.Sprint(s) != fmt.Sprint(Defaults()) {
		t.Errorf("empty: %+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"helthy: 3": "helthy", "healthy: 50": "healthy 50, warning 70", "healthy: 101": "0 to 100", "saves: 0": "saves 0", "parts: {hit: {weight: 1}}": `part "hit": want one of`,
		"parts: {hits: {good: fast}}": "part hits: good: invalid share", "parts: {restore: {bad: 0.5}}": "part restore: bad: invalid duration", "parts: {hits: {weight: -1}}": "weight -1",
		"parts: {hits: {cap: 200}}": "cap 200", "parts: {hits: {good: 20%}}": "good and bad are the same", "parts: {hits: {weight: .nan}}": "weight NaN", "parts: {hits: {color: red}}": "color",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "health.yaml") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
