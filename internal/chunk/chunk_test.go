package chunk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
)

// random returns n bytes, the same ones on each run.
func random(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func cutAll(data []byte) (sizes []int) {
	for len(data) > 0 {
		n := Cut(data)
		sizes = append(sizes, n)
		data = data[n:]
	}
	return sizes
}

// TestFrozen freezes the parameters: with others, everything would have to be stored again.
func TestFrozen(t *testing.T) {
	if Whole != 16384 {
		t.Errorf("content of %d bytes is not cut", Whole)
	}
	text := bytes.Repeat([]byte("func (c *Cache) OpenOutput(o Output) (*os.File, error)\n"), 3000)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"random", random(1<<20, 1), "6ce154c4a33ba694"},
		{"text", text, "3c61f126cba790d8"},
		{"zeros", make([]byte, 300<<10), "43cb8f5bb7c9c566"},
	} {
		sizes := cutAll(tc.data)
		sum := sha256.Sum256(fmt.Append(nil, sizes))
		if got := hex.EncodeToString(sum[:8]); got != tc.want {
			t.Errorf("%s: the hash of the sizes is %s, not %s: %d chunks, %v", tc.name, got, tc.want, len(sizes), sizes[:min(6, len(sizes))])
		}
	}
}

func TestBounds(t *testing.T) {
	for _, n := range []int{0, 1, Min - 1, Min, Min + 1, Normal, Max, Max + 1, 10 * Max} {
		sizes := cutAll(random(n, 2))
		total := 0
		for i, s := range sizes {
			total += s
			if s > Max || s < 1 || s < Min && i < len(sizes)-1 {
				t.Errorf("of %d bytes, chunk %d has %d", n, i, s)
			}
		}
		if total != n {
			t.Errorf("chunks of %d bytes add up to %d", n, total)
		}
	}
}

// TestAverage checks that normalisation works: most chunks are near Normal.
func TestAverage(t *testing.T) {
	sizes := cutAll(random(32<<20, 3))
	if average := 32 << 20 / len(sizes); average < Normal*3/4 || average > Normal*5/4 {
		t.Errorf("average of %d bytes", average)
	}
}

// TestResync inserts a byte: only the chunks near it may differ.
func TestResync(t *testing.T) {
	data := random(1<<20, 4)
	changed := append(append(bytes.Clone(data[:500000]), 'x'), data[500000:]...)
	known := map[string]bool{}
	for _, c := range pieces(data) {
		known[c] = true
	}
	fresh := 0
	for _, c := range pieces(changed) {
		if !known[c] {
			fresh++
		}
	}
	if fresh == 0 || fresh > 3 {
		t.Errorf("%d chunks differ", fresh)
	}
}

func pieces(data []byte) (list []string) {
	for len(data) > 0 {
		n := Cut(data)
		list = append(list, string(data[:n]))
		data = data[n:]
	}
	return list
}

// FuzzCut: where a chunk ends does not depend on bytes after it, provided that Max bytes are there,
// and chunks add up to the content.
func FuzzCut(f *testing.F) {
	f.Add(random(3*Max, 5))
	f.Add(make([]byte, Max+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := Cut(data)
		if n > len(data) || n > Max || n == 0 && len(data) > 0 || n < Min && n < len(data) {
			t.Fatalf("chunk of %d in %d bytes", n, len(data))
		}
		if len(data) > Max && Cut(data[:Max]) != n {
			t.Fatal("bytes beyond the largest chunk matter")
		}
		if again := Cut(data[:n]); again != n {
			t.Fatalf("a chunk of %d bytes is cut at %d", n, again)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	data := random(64<<20, 6)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for rest := data; len(rest) > 0; {
			rest = rest[Cut(rest):]
		}
	}
}

func BenchmarkSHA256(b *testing.B) {
	data := random(64<<20, 6)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}
