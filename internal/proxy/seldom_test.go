package proxy

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestSeldom: a line about the same thing comes once a minute, and says for how many it stands.
func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Seldom
		for i, want := range []int{1, 0, 0} {
			if n, ok := s.Allow("a"); n != want || ok != (want > 0) {
				t.Errorf("%d: %d, %v", i, n, ok)
			}
		}
		if n, ok := s.Allow("b"); n != 1 || !ok {
			t.Errorf("of another thing: %d, %v", n, ok)
		}
		time.Sleep(seldomTime)
		if n, ok := s.Allow("a"); n != 3 || !ok {
			t.Errorf("after a minute: %d, %v", n, ok)
		}
	})
}
