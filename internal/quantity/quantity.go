// Package quantity reads and writes sizes, durations and counts for people. It reads them in flags,
// variables, inputs and store URLs: the same everywhere. What makes no sense is refused: signs,
// fractions of the smallest unit, other bases, numbers out of range.
package quantity

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxDuration is a hundred years: what is shown in days can then always be read back.
const MaxDuration = 36500 * 24 * time.Hour

// ParseDuration is time.ParseDuration with the units d (24 hours) and w (7 days) in
// front of the others. Negative durations, and those above MaxDuration, are refused.
func ParseDuration(s string) (time.Duration, error) {
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
		if err != nil || strings.Trim(number, "0123456789.") != "" || n > 0 && n*float64(unit.length) < 1 || !(n >= 0 && n*float64(unit.length) <= float64(MaxDuration)) {
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
	// a part of a nanosecond would be 0, which means never
	nothing := v == 0 && strings.ContainsAny(rest, "123456789")
	if err != nil || strings.ContainsAny(rest, "+-") || nothing || v < 0 || v > MaxDuration-sum {
		return 0, fmt.Errorf("invalid duration %q: want such as 90s, 10m, 36h, 14d", s)
	}
	return sum + v, nil
}

// sizeForm has no sign, no exponent, and no comma, which is a decimal point to some and separates
// thousands for others.
var sizeForm = regexp.MustCompile(`^([0-9]{1,19})(\.[0-9]{1,19})? ?(?:([kKmMgGtTpPeE])([iI]?))?[bB]?$`)

// ParseSize reads a number of bytes: 1048576, 500MB, 2GiB, 1.5g. MB are powers of 1000 and MiB of
// 1024. A fraction of a byte is refused: half a byte would be 0, which often means no bound.
func ParseSize(text string) (int64, error) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, errSize(text)
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
		return 0, errSize(text)
	}
	return n.Int64(), nil
}

func errSize(text string) error { return fmt.Errorf("invalid size %q: want such as 500MB, 2GiB", text) }

// ParseCount reads a number of things from 0 to most. 010 is refused: it is eight to some and ten
// to others.
func ParseCount(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || n < 0 || n > most {
		return 0, fmt.Errorf("invalid number %q: want 0 to %d", text, most)
	}
	return n, nil
}
