package osfile

import (
	"strings"
	"testing"
)

// TestVolumeCase: the case in which a volume is written makes no other of it.
func TestVolumeCase(t *testing.T) {
	dir := t.TempDir()
	lower, err1 := Space(strings.ToLower(dir))
	upper, err2 := Space(strings.ToUpper(dir))
	if err1 != nil || err2 != nil || lower.ID != upper.ID {
		t.Errorf("%q and %q, %v, %v", lower.ID, upper.ID, err1, err2)
	}
}
