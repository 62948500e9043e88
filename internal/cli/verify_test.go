package cli

import (
	"errors"
	"testing"

	"github.com/org/gocache-action/trim"
)

// TestMayFix: nothing is removed beside go commands, nor where they would not be seen.
func TestMayFix(t *testing.T) {
	for _, c := range []struct {
		running []string
		unseen  string
		want    error
	}{
		{nil, "", nil},
		{[]string{"process 1"}, "", trim.ErrBusy},
		{nil, "this is a container", errUnseen},
		{[]string{"process 1"}, "this is a container", trim.ErrBusy},
	} {
		if err := mayFix(c.running, c.unseen); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%q, %q: %v, want %v", c.running, c.unseen, err, c.want)
		}
	}
}
