package config

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

func TestDuration(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		show string
	}{
		{"14d", 14 * 24 * time.Hour, "14d"},
		{"2w", 14 * 24 * time.Hour, "14d"},
		{"1d12h", 36 * time.Hour, "36h"},
		{"1w1d1h1m", 8*24*time.Hour + time.Hour + time.Minute, "193h1m"},
		{"0.5d", 12 * time.Hour, "12h"},
		{"90s", 90 * time.Second, "1m30s"},
		{"10m", 10 * time.Minute, "10m"},
		{"0", 0, "0s"},
	}
	for _, tt := range tests {
		var d time.Duration
		v := durationValue{&d}
		if err := v.Set(tt.in); err != nil || d != tt.want || v.String() != tt.show {
			t.Errorf("%q: %v %q %v, want %v %q", tt.in, d, v.String(), err, tt.want, tt.show)
		}
	}
	for _, in := range []string{"", "d", "-1d", "-5m", "1h1d", "1d1w", "NaNd", "Infd", "99999999d", "5", "x", "0.1ns", "0.000000000000000000001d", "+1d", "-0s", "1e3d", "0x1p3d", "1_0d"} {
		var d time.Duration
		if err := (durationValue{&d}).Set(in); err == nil {
			t.Errorf("%q is accepted as %v", in, d)
		}
	}
}

// FuzzDuration: an accepted duration is not negative, and can be read back.
func FuzzDuration(f *testing.F) {
	f.Add("1w2d3h")
	f.Add("36500d2562047h")
	f.Fuzz(func(t *testing.T, s string) {
		var d, back time.Duration
		if (durationValue{&d}).Set(s) != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q is %v", s, d)
		}
		if err := (durationValue{&back}).Set(quantity.Duration(d)); err != nil || back != d {
			t.Errorf("%q shows as %q, which is %v, %v", s, quantity.Duration(d), back, err)
		}
	})
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]struct {
		bytes int64
		show  string
	}{"500MB": {500_000_000, "477MiB"}, "2GiB": {2 << 30, "2.0GiB"}, "1048576": {1 << 20, "1.0MiB"}, "0": {0, "0"}, "1.5GiB": {3 << 29, "1.5GiB"}, "1 kb": {1000, "1000B"}, "0.3KiB": {307, "307B"}, "2.0": {2, "2B"}} {
		var s Sizes
		v := sizesValue{&s}
		if err := v.Set(in); err != nil || s != (Sizes{All: want.bytes}) || v.String() != want.show {
			t.Errorf("%q: %d %q %v, want %d %q", in, s, v.String(), err, want.bytes, want.show)
		}
	}
	for _, in := range []string{"", "x", "-1", "3x", "99EB99", "0.5", "1.5B", "0.0001KB", "1,5GB", "1e3", "+1", "NaN", "Inf", "9EiB", "1GB ", "5i", "1GB,2GB", "modules=", "trees=1GB", "build=1GB,build=2GB", "1GB,"} {
		var s Sizes
		if err := (sizesValue{&s}).Set(in); err == nil || s.Any() {
			t.Errorf("%q is accepted as %d", in, s)
		}
	}
}

// TestSizesOfCaches: limits of one cache, in any order, and more than once.
func TestSizesOfCaches(t *testing.T) {
	var s Sizes
	v := sizesValue{&s}
	for _, text := range []string{"build=1GiB", "4GiB,modules=2GiB"} {
		if err := v.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if want := (Sizes{4 << 30, 2 << 30, 1 << 30}); s != want || v.String() != "modules=2.0GiB,build=1.0GiB,4.0GiB" {
		t.Errorf("%+v, shown as %s", s, v)
	}
	var back Sizes
	if err := (sizesValue{&back}).Set(v.String()); err != nil || back != s {
		t.Errorf("%v is read back as %+v, %v", v, back, err)
	}
}

// TestExtras: a value a line, with commas in it; each flag adds one.
func TestExtras(t *testing.T) {
	c := new(Config)
	v := extrasValue{&c.KeyExtra}
	if err := errors.Join(v.Set("image:1,a\r\n\n gcc 14 \n"), v.Set("b")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"image:1,a", "gcc 14", "b"}; !slices.Equal(c.KeyExtra, want) {
		t.Errorf("values %q, want %q", c.KeyExtra, want)
	}
	for _, text := range []string{"", " \n", "a\tb"} {
		if v.Set(text) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
