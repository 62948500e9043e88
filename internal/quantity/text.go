package quantity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// Bytes writes a size for people, in powers of 1024: 1.5 GiB.
func Bytes(n int64) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}

// Count writes a number for people: 12,345.
func Count[N ~int | ~int64](n N) string { return humanize.Comma(int64(n)) }

// Counted writes a number of things for people: 1 entry, 1,234 entries.
func Counted[N ~int | ~int64](n N, one string) string {
	return Count(n) + " " + english.PluralWord(int(n), one, "")
}

// Seconds writes a duration that was measured: 0.42s, 12.3s, 2m5s.
func Seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Duration writes a duration as ParseDuration reads it. It prefers days, since that is how ages are
// given.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Percent writes a share in percent. It is rounded to 100 % or 0 % only if it is exactly that.
func Percent(v float64) string {
	switch {
	case v > 99 && v < 100:
		return fmt.Sprintf("%.1f %%", math.Floor(v*10)/10)
	case v > 0 && v < 1:
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", v)
}

// Ago writes how long before now a time was: 3 days ago.
func Ago(at, now time.Time) string { return humanize.RelTime(at, now, "ago", "from now") }
