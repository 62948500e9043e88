package osfile

import (
	"bytes"
	"testing"
)

// TestSkip: if the kernel takes only some of the parts, the rest follows.
func TestSkip(t *testing.T) {
	parts := [][]byte{[]byte("abc"), {}, []byte("de"), []byte("f")}
	for n := range 7 {
		if got := bytes.Join(skip(parts, n), nil); string(got) != "abcdef"[n:] {
			t.Errorf("%d: %q", n, got)
		}
	}
	if string(bytes.Join(parts, nil)) != "abcdef" {
		t.Error("the list has changed")
	}
}
