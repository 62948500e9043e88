package osfile

import (
	"strings"
	"testing"
)

// TestVolumeCase: the case in which a volume is written makes no other of it.
func TestVolumeCase(t *testing.T) {
	dir := t.TempDir()
	_, _, lower, err1 := Space(strings.ToLower(dir))
	_, _, upper, err2 := Space(strings.ToUpper(dir))
	if err1 != nil || err2 != nil || lower != upper {
		t.Errorf("%q and %q, %v, %v", lower, upper, err1, err2)
	}
}
