package kit

import (
	"fmt"
	"strings"
)

// Target is a limit that the project has set for itself, with the measured value.
type Target struct {
	Text       string
	Limit      float64
	Value      float64
	Unit       string // printed after both figures
	Least      bool   // the value must be at least the limit
	Unmeasured bool   // there is no value
}

// Met reports whether the value is on the right side of the limit.
func (t Target) Met() bool {
	if t.Least {
		return t.Value >= t.Limit
	}
	return t.Value <= t.Limit
}

func (t Target) verdict() string {
	switch {
	case t.Unmeasured:
		return "not measured"
	case t.Met():
		return "met"
	}
	return "**missed**"
}

// TargetRows returns the table of targets: text, limit, value, verdict. The formats are for a
// single figure, such as "%.2f".
func TargetRows(list []Target, limit, value string) string {
	var b strings.Builder
	for _, t := range list {
		got, sign := "–", "≤"
		if !t.Unmeasured {
			got = fmt.Sprintf(value, t.Value) + t.Unit
		}
		if t.Least {
			sign = "≥"
		}
		fmt.Fprintf(&b, "| %s | %s %s%s | %s | %s |\n", t.Text, sign, fmt.Sprintf(limit, t.Limit), t.Unit, got, t.verdict())
	}
	return b.String()
}

// Missed names the targets that were measured and missed.
func Missed(list []Target, format string) (missed []string) {
	for _, t := range list {
		if !t.Unmeasured && !t.Met() {
			missed = append(missed, fmt.Sprintf("%s: "+format+"%s, limit "+format+"%s", t.Text, t.Value, t.Unit, t.Limit, t.Unit))
		}
	}
	return missed
}
