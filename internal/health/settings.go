package health

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/yamlfile"
)

// Settings say how figures are judged.
type Settings struct {
	Healthy, Warning float64 // the least score of each grade
	Saves            int     // how many of the last ones count
	Parts            map[string]Rule
}

// A Rule says how a part is judged.
type Rule struct {
	Weight    float64 // 0: not at all
	Good, Bad float64 // values with a score of 100 and of 0: shares, or seconds
	Cap       float64 // the score of the whole cannot be above this if that of the part is 0
	seconds   bool
}

const day = 24 * 60 * 60

// Defaults are the settings without a file. docs/health.md has them as well.
func Defaults() Settings {
	return Settings{
		Healthy: 90, Warning: 70, Saves: 10,
		Parts: map[string]Rule{
			partHits:      {Weight: 40, Good: 0.8, Bad: 0.2, Cap: 50},
			partSize:      {Weight: 10, Good: 0.95, Bad: 1.5, Cap: 75},
			partRestore:   {Weight: 10, Good: 30, Bad: 5 * 60, Cap: 70, seconds: true},
			partSave:      {Weight: 5, Good: 60, Bad: 10 * 60, Cap: 75, seconds: true},
			partStore:     {Weight: 10, Good: 0.2, Bad: 2, Cap: 60, seconds: true},
			partLosses:    {Weight: 10, Good: 0, Bad: 0.5, Cap: 60},
			partRefusals:  {Weight: 5, Good: 0, Bad: 0.2, Cap: 40},
			partFreshness: {Weight: 10, Good: 2 * day, Bad: 14 * day, Cap: 50, seconds: true},
		},
	}
}

// score is linear between the bad value and the good one.
func (r Rule) score(value float64) float64 {
	return 100 * min(max((value-r.Bad)/(r.Good-r.Bad), 0), 1)
}

// capAt is linear between the cap and 100.
func (r Rule) capAt(score float64) float64 { return r.Cap + (100-r.Cap)*score/100 }

func (s Settings) grade(score float64) Grade {
	switch n := float64(whole(score)); {
	case n >= s.Healthy:
		return Healthy
	case n >= s.Warning:
		return Warning
	}
	return Unhealthy
}

func (s Settings) status(score float64) finding.Status {
	return map[Grade]finding.Status{Healthy: finding.OK, Warning: finding.Warn, Unhealthy: finding.Fail}[s.grade(score)]
}

// file is the file as it is written.
type file struct {
	Healthy *float64        `yaml:"healthy"`
	Warning *float64        `yaml:"warning"`
	Saves   *int            `yaml:"saves"`
	Parts   map[string]part `yaml:"parts"`
}

type part struct {
	Weight *float64 `yaml:"weight"`
	Good   *string  `yaml:"good"`
	Bad    *string  `yaml:"bad"`
	Cap    *float64 `yaml:"cap"`
}

// Read reads a file with settings. What it does not say is as in Defaults.
func Read(name string) (Settings, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return Settings{}, err
	}
	s, err := parse(data)
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func parse(data []byte) (Settings, error) {
	s := Defaults()
	var f file
	if err := yamlfile.Decode(data, &f); err != nil {
		return s, err
	}
	set(&s.Healthy, f.Healthy)
	set(&s.Warning, f.Warning)
	set(&s.Saves, f.Saves)
	if !(0 <= s.Warning && s.Warning <= s.Healthy && s.Healthy <= 100) {
		return s, fmt.Errorf("healthy %g, warning %g: want 0 to 100, and warning not above healthy", s.Healthy, s.Warning)
	}
	if s.Saves < 1 {
		return s, fmt.Errorf("saves %d: want 1 or more", s.Saves)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Parts)) {
		rule, known := s.Parts[name]
		if !known {
			return s, fmt.Errorf("part %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(s.Parts)), ", "))
		}
		rule, err := rule.with(f.Parts[name])
		if err != nil {
			return s, fmt.Errorf("part %s: %w", name, err)
		}
		s.Parts[name] = rule
	}
	return s, nil
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// with takes over what a file says of a part.
func (r Rule) with(p part) (Rule, error) {
	set(&r.Weight, p.Weight)
	set(&r.Cap, p.Cap)
	for _, v := range []struct {
		name string
		text *string
		to   *float64
	}{{"good", p.Good, &r.Good}, {"bad", p.Bad, &r.Bad}} {
		if v.text == nil {
			continue
		}
		n, err := r.value(*v.text)
		if err != nil {
			return r, fmt.Errorf("%s: %w", v.name, err)
		}
		*v.to = n
	}
	switch {
	case !(r.Weight >= 0 && r.Weight <= 1e6):
		return r, fmt.Errorf("weight %g: want 0 or more", r.Weight)
	case !(r.Cap >= 0 && r.Cap <= 100):
		return r, fmt.Errorf("cap %g: want 0 to 100", r.Cap)
	case r.Good == r.Bad:
		return r, errors.New("good and bad are the same")
	}
	return r, nil
}

// value reads a duration such as 30s or 2d, or a share such as 0.8 or 80%.
func (r Rule) value(text string) (float64, error) {
	if r.seconds {
		d, err := quantity.ParseDuration(text)
		return d.Seconds(), err
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n >= 0 && n <= 1e6) {
		return 0, fmt.Errorf("invalid share %q: want such as 0.8 or 80%%", text)
	}
	return n, nil
}
