package build

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

// TestContains: paths are found wherever they lie, also across the windows of the search, and as a
// whole.
func TestContains(t *testing.T) {
	paths := []string{"corp.example.com/secret", "corp.example.com/!upper"}
	for _, at := range []int{0, 1, searchWindow - 30, searchWindow - 10, searchWindow, searchWindow + 24, 2*searchWindow + 5, 3*searchWindow - 23} {
		for text, want := range map[string]bool{
			"corp.example.com/secret":                             true,
			"corp.example.com/secret/sub\x00":                     true,
			"corp.example.com/secret@v1.0.0/a.go":                 true,
			"\"corp.example.com/secret\"":                         true,
			"corp.example.com/secret.func1":                       true,
			"corp.example.com/!upper@v1":                          true,
			"corp.example.com/secretive":                          false,
			"corp.example.com/secret2, and no more":               false,
			"corp.example.com/secret-other":                       false,
			"corp.example.com/secre":                              false,
			"corp.example.com/secretive corp.example.com/secret ": true,
		} {
			data := append(bytes.Repeat([]byte("."), at), text...)
			for _, tail := range []int{0, 1, searchWindow} {
				all := append(bytes.Clone(data), bytes.Repeat([]byte(" "), tail)...)
				got, err := contains(iotest.HalfReader(bytes.NewReader(all)), paths)
				if err != nil || got != want {
					t.Errorf("%q at %d, %d bytes behind: %t, %v", text, at, tail, got, err)
				}
			}
		}
	}
	if _, err := contains(iotest.ErrReader(bytes.ErrTooLarge), paths); err == nil {
		t.Error("an output that cannot be read mentions nothing")
	}
	if got, err := contains(strings.NewReader("corp"), paths); got || err != nil {
		t.Errorf("a short output: %t, %v", got, err)
	}
}
