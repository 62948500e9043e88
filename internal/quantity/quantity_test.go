package quantity

import "testing"

func TestParseCount(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "1": 1, "16": 16, "20": 20} {
		if got, err := ParseCount(in, 20); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-1", "+1", "010", "0x10", "0o7", "1_0", "1.0", "1e1", " 1", "21", "99999999999999999999", "one"} {
		if got, err := ParseCount(in, 20); err == nil {
			t.Errorf("%q is accepted as %d", in, got)
		}
	}
}
