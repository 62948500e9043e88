package quantity

import (
	"testing"
	"time"
)

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.00s", 420 * time.Millisecond: "0.42s", 12345 * time.Millisecond: "12.3s", 125 * time.Second: "2m5s",
	} {
		if got := Seconds(d); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for v, want := range map[float64]string{0: "0 %", 0.4: "< 1 %", 55.4: "55 %", 99.97: "99.9 %", 100: "100 %"} {
		if got := Percent(v); got != want {
			t.Errorf("Percent(%v) = %q, want %q", v, got, want)
		}
	}
}
