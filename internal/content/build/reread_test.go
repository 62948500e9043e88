package build

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
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
	kinds := map[string]*tags{"no tags": nil}
	if c.cuts.tags != nil {
		few, swapped := *c.cuts.tags, *c.cuts.tags
		few.memo = few.memo[:1] // that of the first chunk
		swapped.memo = slices.Clone(swapped.memo)
		for n, ref := range refs {
			x, _ := c.cuts.tags.of(refs[len(refs)-1-n])
			swapped.note(ref, x)
		}
		kinds["tags"], kinds["one tag"], kinds["tags of others"] = c.cuts.tags, &few, &swapped
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
		for kind, tags := range kinds {
			t.Run(fmt.Sprint(name, ", ", kind), func(t *testing.T) {
				src := l.newChunkReader(tags)
				defer src.close()
				var all bytes.Buffer
				for _, ref := range refs {
					e := c.cuts.table.entry(ref)
					sum, data, err := src.read(freshChunk{int64(all.Len()), 0, ref}, e)
					all.Write(data)
					if sum != snapshot.ChunkSumOf(sha256.Sum256(data)) || len(data) != int(e.at.size()) {
						t.Errorf("sum %x of %d bytes", sum, len(data))
					}
					if name == "cut off" && all.Len() == len(data) && (err == nil || err.Error() != "its content does not match its name: it is too short") {
						t.Errorf("error %v", err)
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

// TestTagProves: what has the tag of a chunk needs no SHA-256, and nothing else goes without one.
func TestTagProves(t *testing.T) {
	needTags(t)
	content := noise(1, 5000)
	l := cacheWith(t, t.TempDir(), content)
	c := l.newCutting([]int32{0}, 0, newChunkTable(), collect.Note{Wrote: func(int64) {}, Warn: t.Logf})
	if err := c.run(t.Context(), c.all()); err != nil {
		t.Fatal(err)
	}
	ref := c.cuts.chunks(c.cuts.outputs[0])[0]
	claimed := *c.cuts.table.entry(ref)
	claimed.sum[0] ^= 1
	for name, tags := range map[string]*tags{"tags": c.cuts.tags, "no tags": nil} {
		src := l.newChunkReader(tags)
		sum, _, err := src.read(freshChunk{0, 0, ref}, &claimed)
		src.close()
		if tags != nil && (err != nil || sum != claimed.sum) || tags == nil && (!errors.Is(err, errBadOutput) || sum == claimed.sum) {
			t.Errorf("%s: %x, %v", name, sum, err)
		}
	}
}

// TestSharedSlot: the tag of another chunk, at the slot of the one that is read, proves nothing.
func TestSharedSlot(t *testing.T) {
	dir, contents := t.TempDir(), []string{noise(1, 5000), noise(2, 5000)}
	l := cacheWith(t, dir, contents...)
	slices.SortFunc(contents, func(a, b string) int {
		x, y := digest.Of([]byte(a)), digest.Of([]byte(b))
		return bytes.Compare(x[:], y[:])
	})
	c := l.newCutting([]int32{0, 1}, 0, newChunkTable(), collect.Note{Wrote: func(int64) {}, Warn: t.Logf})
	if c.cuts.tags != nil {
		c.cuts.tags.memo = c.cuts.tags.memo[:1]
	}
	f := c.newFinder()
	c.output(t.Context(), 0, f)
	c.output(t.Context(), 1, f)
	if err := os.WriteFile(outputFile(dir, contents[0]), []byte(contents[1]), 0o666); err != nil {
		t.Fatal(err)
	}
	src := l.newChunkReader(c.cuts.tags)
	defer src.close()
	ref := c.cuts.chunks(c.cuts.outputs[0])[0]
	if sum, _, err := src.read(freshChunk{0, 0, ref}, c.cuts.table.entry(ref)); !errors.Is(err, errBadOutput) {
		t.Errorf("%x, %v", sum, err)
	}
}

// TestReaderCloses: a reader has one file open at a time.
func TestReaderCloses(t *testing.T) {
	l := cacheWith(t, t.TempDir(), noise(1, 5000), noise(2, 5000))
	src := l.newChunkReader(nil)
	chunk := &chunkEntry{at: newPlace(0, 0, 100)}
	_, _, _ = src.read(freshChunk{index: 0}, chunk)
	first := src.f
	_, _, _ = src.read(freshChunk{index: 0, off: 100}, chunk)
	if src.f != first {
		t.Error("the same file was opened again")
	}
	_, _, _ = src.read(freshChunk{index: 1}, chunk)
	second := src.f
	src.close()
	for i, f := range []*os.File{first, second} {
		if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("file %d: %v", i, err)
		}
	}
}

// TestWhyNotAgain: only what tells of the file itself says that the file changed.
func TestWhyNotAgain(t *testing.T) {
	for want, errs := range map[string][]error{
		"it changed meanwhile: ":    {errBadOutput, readError(io.EOF), readError(io.ErrUnexpectedEOF), fs.ErrNotExist, &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}},
		"it cannot be read again: ": {fs.ErrPermission, &fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, errors.New("input/output error")},
	} {
		for _, err := range errs {
			if got := whyNotAgain(err); got != want+err.Error() {
				t.Errorf("%v: %q", err, got)
			}
		}
	}
}
