package report

import (
	"math"
	"strings"
)

// Bar shows a share, in percent, as a row of blocks. They are all full only at 100 %.
func Bar(percent float64, width int) string {
	full := min(max(int(percent/100*float64(width)), 0), width)
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// Sparks draws values between 0 and a top in one line of text.
func Sparks(values []float64, top float64) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(blocks[min(max(int(v/top*8), 0), 7)])
	}
	return b.String()
}

// Shorten cuts out the middle of a string that is longer than n runes, since the end of a module
// path with its version says as much as the beginning.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	tail := n / 3
	return string(r[:n-tail-1]) + "…" + string(r[len(r)-tail:])
}

// NiceTop rounds the end of an axis up to two digits.
func NiceTop(v float64) float64 {
	if v <= 1 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(v))) / 2
	return math.Ceil(v*1.05/step) * step
}
