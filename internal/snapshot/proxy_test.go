package snapshot

import (
	"bytes"
	"testing"
)

// FuzzUnseal: what is unsealed is what was sealed.
func FuzzUnseal(f *testing.F) {
	f.Add(Seal(nil))
	f.Add(Seal([]byte("v1.0.0\n")))
	f.Add([]byte("gocache-proxy 1\nsha256 0\n\n"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		if content, err := Unseal(stored); err == nil && !bytes.Equal(Seal(content), stored) {
			t.Errorf("%q has the content %q", stored, content)
		}
		if content, err := Unseal(Seal(stored)); err != nil || !bytes.Equal(content, stored) {
			t.Errorf("sealed and unsealed, %q became %q, %v", stored, content, err)
		}
	})
}
