package config

import "testing"

// TestExitCodes: for each command every code means one thing, and all say what success and failure
// are.
func TestExitCodes(t *testing.T) {
	for _, c := range Commands {
		count := map[int]int{}
		for _, e := range ExitCodesOf(c.Command) {
			count[e.Code]++
		}
		for code, n := range count {
			if n != 1 {
				t.Errorf("%s: exit code %d has %d meanings", c.Name, code, n)
			}
		}
		if count[ExitOK] != 1 || count[ExitFailed] != 1 || count[ExitUsage] != 1 {
			t.Errorf("%s: %v", c.Name, count)
		}
		if miss := c.Command&(Restore|Run) != 0; miss != (count[ExitMiss] == 1) {
			t.Errorf("%s: %v", c.Name, count)
		}
	}
}
