package build

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

func newTestCutting() *cutting { return Local{}.newCutting(nil, 0, newChunkTable(), collect.Note{}) }

// chunksIn cuts content with a finder, and returns the hashes and lengths of its chunks.
func chunksIn(t testing.TB, f *finder, content string) []string {
	t.Helper()
	f.refs = f.refs[:0]
	o := buildcache.Output{ID: sha256.Sum256([]byte(content)), Size: int64(len(content))}
	if err := cutContent(t.Context(), o, strings.NewReader(content), make([]byte, window), f.find); err != nil {
		t.Fatal(err)
	}
	checkTags(t, f, content)
	return foundBy(f)
}

// checkTags demands that each tag that is known of a chunk of the last output is that of its bytes.
func checkTags(t testing.TB, f *finder, content string) {
	t.Helper()
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	own := tagger{tags: f.c.cuts.tags}
	known := 0
	for _, ref := range f.refs {
		data := []byte(content[:f.c.cuts.table.entry(ref).at.size()])
		content = content[len(data):]
		if x, ok := f.c.cuts.tags.of(ref); ok {
			known++
			if x != own.of(data) {
				t.Errorf("the tag of a chunk of %d bytes is that of others", len(data))
			}
		}
	}
	if own.tags != nil && known == 0 && len(f.refs) > 0 {
		t.Error("no tag is known")
	}
}

// foundBy lists the chunks of the output of a finder.
func foundBy(f *finder) (list []string) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	for _, ref := range f.refs {
		e := f.c.cuts.table.entry(ref)
		list = append(list, fmt.Sprintf("%x %d", e.sum, e.at.size()))
	}
	return list
}

// cutAnew cuts content without any memory.
func cutAnew(content string) (list []string) {
	for rest := []byte(content); len(rest) > 0; {
		n := chunk.Cut(rest)
		list = append(list, fmt.Sprintf("%x %d", snapshot.ChunkSumOf(sha256.Sum256(rest[:n])), n))
		rest = rest[n:]
	}
	return list
}

// altered is content with some changes: bytes overwritten, inserted, removed, and another end.
func altered(r *rand.Rand, content string) string {
	for range r.IntN(6) {
		at := r.IntN(len(content))
		to := min(len(content), at+r.IntN(5000))
		switch r.IntN(4) {
		case 0:
			content = content[:at] + noise(r.Uint64(), to-at) + content[to:]
		case 1:
			content = content[:at] + noise(r.Uint64(), r.IntN(5000)) + content[at:]
		case 2:
			content = content[:at] + content[to:]
		case 3:
			content = content[:max(at, 1)]
		}
	}
	return content
}

// TestRecognize: chunks that are recognized are those that cutting finds, in variants of the same
// content, in what has no place to be cut, and where content ends within what once was a chunk, or
// goes on behind what once was an end.
func TestRecognize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	base := noise(1, 400_000)
	contents := []string{base, base[:200_000], base[:300_000], base, base[100_000:], strings.Repeat("x", 300_000), strings.Repeat("x", 200_000)}
	contents = append(contents, "", "a", base[:chunk.Min], base+base, strings.Repeat(base[:50_000], 9))
	for range 100 {
		contents = append(contents, altered(r, contents[r.IntN(len(contents))%5]))
	}
	c := newTestCutting()
	f := c.newFinder()
	for i, content := range contents {
		if got, want := chunksIn(t, f, content), cutAnew(content); !slices.Equal(got, want) {
			t.Fatalf("content %d: chunks\n%q\nwant\n%q", i, got, want)
		}
	}
	// Nearly all of a copy is recognized, else all this is for nothing.
	f.refs = f.refs[:0]
	recognized, rest := 0, []byte(base)
	for len(rest) > 0 {
		n := f.follower(rest)
		if recognized += n; n == 0 {
			n = f.find(rest, true)
		}
		rest = rest[n:]
	}
	if c.cuts.tags != nil && recognized < len(base)*8/10 {
		t.Errorf("%d of %d bytes were recognized", recognized, len(base))
	}
}

// TestRecognizeAtOnce: several workers find the same chunks as one does alone, while lists of packs
// are added that name some of them, and some by other lengths.
func TestRecognizeAtOnce(t *testing.T) {
	base := noise(1, 300_000)
	c := newTestCutting()
	var all sync.WaitGroup
	for worker := range uint64(4) {
		all.Go(func() {
			f := c.newFinder()
			r := rand.New(rand.NewPCG(worker/2, 1)) // two see the same, at about the same time
			for range 20 {
				content := altered(r, base)
				f.refs = f.refs[:0]
				for rest := []byte(content); len(rest) > 0; {
					rest = rest[f.find(rest, true):]
				}
				if got, want := foundBy(f), cutAnew(content); !slices.Equal(got, want) {
					t.Errorf("worker %d: chunks\n%q\nwant\n%q", worker, got, want)
				}
			}
		})
	}
	all.Go(func() {
		off := int32(0)
		for rest := []byte(base); len(rest) > 0; {
			n := chunk.Cut(rest)
			sum := snapshot.ChunkSumOf(sha256.Sum256(rest[:n]))
			c.mu.Lock()
			c.cuts.table.addStored(sum, newPlace(0, off, int32(n-1)))
			c.cuts.table.addStored(sum, newPlace(1, off, int32(n)))
			c.mu.Unlock()
			off += int32(n)
			rest = rest[n:]
		}
	})
	all.Wait()
}

// TestRecognizeNothing: without a hash for it, as under GODEBUG=fips140=only, all is cut.
func TestRecognizeNothing(t *testing.T) {
	c := newTestCutting()
	c.cuts.tags = nil
	f := c.newFinder()
	for range 2 {
		if content := noise(1, 200_000); !slices.Equal(chunksIn(t, f, content), cutAnew(content)) {
			t.Error("other chunks")
		}
	}
}

// TestUnfitCopy: chunks that were found in an output that is not fit are found again in one that
// is.
func TestUnfitCopy(t *testing.T) {
	f := newTestCutting().newFinder()
	content := []byte(noise(1, 300_000))
	o := buildcache.Output{ID: sha256.Sum256(content), Size: int64(len(content))}
	spoiled := bytes.Clone(content)
	spoiled[len(spoiled)-1] ^= 1
	var unfit *collect.UnfitError
	if err := cutContent(t.Context(), o, bytes.NewReader(spoiled), make([]byte, window), f.find); !errors.As(err, &unfit) {
		t.Fatal(err)
	}
	if got := chunksIn(t, f, string(content)); !slices.Equal(got, cutAnew(string(content))) {
		t.Errorf("%q", got)
	}
}

// TestNotRecognized: other bytes of the same length as what came before are not taken for it.
func TestNotRecognized(t *testing.T) {
	base := noise(1, 100_000)
	f := newTestCutting().newFinder()
	first := chunksIn(t, f, base)
	for at := 0; at < len(base); at += 997 {
		changed := []byte(base)
		changed[at] ^= 1
		if got := chunksIn(t, f, string(changed)); slices.Equal(got, first) || !slices.Equal(got, cutAnew(string(changed))) {
			t.Fatalf("byte %d: %q", at, got)
		}
	}
}

// TestManyFollowers: more chunks than the memo has room for are cut as others.
func TestManyFollowers(t *testing.T) {
	c := newTestCutting()
	c.followers, c.cuts.tags.memo = c.followers[:7], c.cuts.tags.memo[:5]
	f := c.newFinder()
	for range 3 {
		for seed := range uint64(3) {
			content := noise(seed, 200_000)
			if got, want := chunksIn(t, f, content), cutAnew(content); !slices.Equal(got, want) {
				t.Fatalf("content %d: %q, want %q", seed, got, want)
			}
		}
	}
}

// BenchmarkCut cuts and hashes an output: one whose chunks are new, a copy of one that was cut
// before, and one without any memory.
func BenchmarkCut(b *testing.B) {
	data := noise(1, 64<<20)
	o := buildcache.Output{Size: int64(len(data))}
	buf := make([]byte, window)
	cut := func(find func([]byte, bool) int) { _ = cutContent(b.Context(), o, strings.NewReader(data), buf, find) }
	copied := newTestCutting().newFinder()
	cut(copied.find)
	for name, find := range map[string]func() func([]byte, bool) int{
		"new":  func() func([]byte, bool) int { return newTestCutting().newFinder().find },
		"copy": func() func([]byte, bool) int { copied.refs = copied.refs[:0]; return copied.find },
		"alone": func() func([]byte, bool) int {
			return func(rest []byte, _ bool) int {
				n := chunk.Cut(rest)
				_ = digest.Of(rest[:n])
				return n
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(o.Size)
			for b.Loop() {
				cut(find())
			}
		})
	}
}
