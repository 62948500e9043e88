package build

import "testing"

// TestMemo: of two chunks that share a slot the last is known, and neither is taken for the other;
// nothing is known of a chunk that was not noted, not even of the first of all.
func TestMemo(t *testing.T) {
	m := newMemo[string]()
	const n, other = int32(5), int32(5 + memoSlots)
	known := func(chunk int32, want string) {
		t.Helper()
		if what, ok := m.of(chunk); ok != (want != "") || ok && what != want {
			t.Errorf("chunk %d: %q, %t, want %q", chunk, what, ok, want)
		}
	}
	for _, chunk := range []int32{0, n, other, memoSlots} {
		known(chunk, "")
	}
	m.note(n, "a")
	known(n, "a")
	known(other, "")
	known(n+1, "")
	m.note(other, "b")
	known(n, "")
	known(other, "b")
	m.note(0, "c")
	known(0, "c")
	known(memoSlots, "")
	m = nil
	m.note(n, "a")
	known(n, "")
}
