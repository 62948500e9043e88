package idindex

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/org/gocache-action/internal/digest"
)

// TestIndex adds more IDs than there was room for at first, every fourth of which was added before.
func TestIndex(t *testing.T) {
	const n = 100_000
	ids := make([]digest.ID, n)
	x := New(100, func(pos int32) *digest.ID { return &ids[pos] })
	first := map[digest.ID]int32{}
	for i := range ids {
		k := i
		if i%4 == 3 {
			k = i / 2
		}
		ids[i] = sha256.Sum256(binary.AppendUvarint(nil, uint64(k)))
		want, known := first[ids[i]]
		if !known {
			want, first[ids[i]] = int32(i), int32(i)
		}
		if pos, added := x.Add(int32(i)); pos != want || added == known {
			t.Fatalf("adding %d: %d, %v, want %d, %v", i, pos, added, want, !known)
		}
	}
	if x.Len() != len(first) {
		t.Errorf("%d IDs, want %d", x.Len(), len(first))
	}
	for id, want := range first {
		if pos, ok := x.Find(&id); !ok || pos != want {
			t.Fatalf("found %d, %v, want %d", pos, ok, want)
		}
	}
	for k := range n {
		id := digest.Of(binary.AppendUvarint([]byte{1}, uint64(k)))
		if pos, ok := x.Find(&id); ok {
			t.Fatalf("found %d for an ID that was not added", pos)
		}
	}
	if size := 4 * len(x.slots); size > 12*len(first) {
		t.Errorf("%d bytes for %d IDs", size, len(first))
	}
}
