package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestModule: the second version of a module adds only what the first one lacks.
func TestModule(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	s := newHistory()
	var added [2]sizes
	for i := range added {
		dir := t.TempDir()
		changed := append(bytes.Clone(noise[:1<<19]), byte(i))
		files := map[string][]byte{"same.go": noise, "changed.go": append(changed, noise[1<<19:]...)}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if added[i], err = s.module(dir); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []sizes{{1 << 20, 1 << 20, 1 << 20}, {1 << 20, 1 << 20, 10 << 10}} {
		if got := added[i]; got.whole < want.whole || got.whole > want.whole*5/4 || got.chunks == 0 || got.chunks > want.chunks*5/4 {
			t.Errorf("version %d: %+v, want about %+v", i+1, got, want)
		}
	}
}
