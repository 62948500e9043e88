package api

import "testing"

func TestRoute(t *testing.T) {
	if got := Route("ada"); got < 0 || got >= Servers {
		t.Errorf("server %d", got)
	}
}
