package build

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestReadAgain: a chunk that is read again is proven, by its tag or, if there is none, by its
// SHA-256. What else comes has an error, and the sum of the bytes that are returned.
func TestReadAgain(t *testing.T) {
	dir, content := t.TempDir(), noise(1, 200_000)
	l := cacheWith(t, dir, content)
	c := l.newCutting([]int32{0}, 0, newChunkTable(), collect.Note{Wrote: func(int64) {}, Warn: t.Logf})
	if err := c.run(t.Context(), c.all()); err != nil {
		t.Fatal(err)
	}
	refs := c.cuts.chunks(c.cuts.outputs[0])
	few := *c.cuts.tags
	few.memo = few.memo[:1] // that of the first chunk
	swapped := *c.cuts.tags
	swapped.memo = slices.Clone(swapped.memo)
	for n, ref := range refs {
		x, _ := c.cuts.tags.of(refs[len(refs)-1-n])
		swapped.note(ref, x)
	}
	changed := []byte(content)
	for i := 0; i < len(changed); i += 64 {
		changed[i] ^= 1
	}
	for name, file := range map[string][]byte{"as it was": []byte(content), "changed": changed, "cut off": changed[:10], "gone": nil} {
		if err := os.WriteFile(outputFile(dir, content), file, 0o666); err != nil {
			t.Fatal(err)
		}
		if file == nil {
			if err := os.Remove(outputFile(dir, content)); err != nil {
				t.Fatal(err)
			}
		}
		for kind, tags := range map[string]*tags{"tags": c.cuts.tags, "no tags": nil, "one tag": &few, "tags of others": &swapped} {
			t.Run(fmt.Sprint(name, ", ", kind), func(t *testing.T) {
				src := source{local: l, tags: tags, index: -1}
				defer src.close()
				var all bytes.Buffer
				for _, ref := range refs {
					e := c.cuts.table.entry(ref)
					sum, data, err := src.read(freshChunk{int64(all.Len()), 0, ref}, e)
					all.Write(data)
					if sum != snapshot.ChunkSumOf(sha256.Sum256(data)) || len(data) != int(e.at.size()) {
						t.Errorf("sum %x of %d bytes", sum, len(data))
					}
					if (err == nil) != (name == "as it was") || name == "changed" && !errors.Is(err, errBadOutput) {
						t.Errorf("error %v", err)
					}
				}
				if name == "as it was" && all.String() != content {
					t.Error("other bytes")
				}
				if strings.Count(all.String(), "\x00") != all.Len() && file == nil {
					t.Error("bytes of a file that is gone")
				}
			})
		}
	}
}
