package main

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// A duration is a flag value that also takes days and weeks: 14d, 1d12h, 2w.
type duration time.Duration

func (d *duration) Type() string { return "duration" }

// String prefers days, since that is how ages are given.
func (d *duration) String() string {
	const day = 24 * time.Hour
	v := time.Duration(*d)
	if v != 0 && v%day == 0 {
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Set implements pflag.Value.
func (d *duration) Set(s string) error {
	v, err := parseDuration(s)
	if err != nil {
		return err
	}
	*d = duration(v)
	return nil
}

// maxDuration is a hundred years: what is shown in days can then always be read back.
const maxDuration = 36500 * 24 * time.Hour

// parseDuration is time.ParseDuration with the units d (24 hours) and w (7 days) in
// front of the others. Negative durations, and those above maxDuration, are refused.
func parseDuration(s string) (time.Duration, error) {
	var sum time.Duration
	rest := s
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.Trim(number, "0123456789.") != "" || n > 0 && n*float64(unit.length) < 1 || !(n >= 0 && n*float64(unit.length) <= float64(maxDuration)) {
			return 0, fmt.Errorf("invalid duration %q", s)
		}
		sum += time.Duration(n * float64(unit.length))
		rest = after
	}
	var v time.Duration
	var err error
	if rest != "" || s == "" {
		v, err = time.ParseDuration(rest)
	}
	nothing := v == 0 && strings.ContainsAny(rest, "123456789") // a part of a nanosecond would be 0, which means never
	if err != nil || strings.ContainsAny(rest, "+-") || nothing || v < 0 || v > maxDuration-sum {
		return 0, fmt.Errorf("invalid duration %q: want such as 90s, 10m, 36h, 14d", s)
	}
	return sum + v, nil
}

// A size is a flag value in bytes: 500MB, 2GiB, 1048576.
type size int64

func (s *size) Type() string { return "size" }

// String leaves out the space of humanize, so that the default in the help can be typed.
func (s *size) String() string {
	if *s == 0 {
		return "0"
	}
	return strings.ReplaceAll(humanize.IBytes(uint64(*s)), " ", "")
}

// Set implements pflag.Value. MB are powers of 1000 and MiB of 1024, as everywhere.
func (s *size) Set(text string) error {
	n, ok := parseSize(text)
	if !ok {
		return fmt.Errorf("invalid size %q: want such as 500MB, 2GiB", text)
	}
	*s = size(n)
	return nil
}

// sizeForm has no sign, no exponent, and no comma, which is a decimal point to some and separates thousands for others.
var sizeForm = regexp.MustCompile(`^([0-9]{1,19})(\.[0-9]{1,19})? ?(?:([kKmMgGtTpPeE])([iI]?))?[bB]?$`)

// parseSize reads a size. A fraction of a byte is none: half a byte would be 0, which means no bound.
func parseSize(text string) (int64, bool) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	base, power := int64(1000), strings.Index(" kmgtpe", strings.ToLower(m[3]))
	if m[4] != "" {
		base = 1024
	}
	if m[3] == "" {
		power = 0
	}
	number, _ := new(big.Rat).SetString(m[1] + m[2])
	number.Mul(number, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(power)), nil)))
	n := new(big.Int).Quo(number.Num(), number.Denom())
	switch {
	case power == 0 && !number.IsInt(), n.Sign() == 0 && number.Sign() != 0, n.BitLen() > 62:
		return 0, false
	}
	return n.Int64(), true
}

// A choice is a flag value out of a fixed list.
type choice struct {
	value   string
	allowed []string
	aliases map[string]string // other spellings that are understood
}

func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }
func (c *choice) String() string { return c.value }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if same, ok := c.aliases[s]; ok {
		s = same
	}
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be %s", strings.Join(c.allowed, " or "))
	}
	c.value = s
	return nil
}
