package build

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
)

// needTags skips a test where there are no tags: on an old processor, or by a policy.
func needTags(t *testing.T) {
	t.Helper()
	if newTags() == nil {
		t.Skip("no tags here")
	}
}

// TestTag: a tag depends on all bytes, on their number, and on a key that is not known.
func TestTag(t *testing.T) {
	needTags(t)
	one := tagger{tags: newTags()}
	for _, size := range []int{1, 15, 16, 17, chunk.Min, chunk.Max} {
		data := []byte(noise(uint64(size), size))
		tag := one.of(data)
		if again := one.of(bytes.Clone(data)); again != tag {
			t.Errorf("%d bytes: another tag for the same", size)
		}
		first, last := bytes.Clone(data), bytes.Clone(data)
		first[0] ^= 1
		last[size-1] ^= 0x80
		zero := append(bytes.Clone(data), 0)
		for what, other := range map[string][]byte{"first byte": first, "last byte": last, "shorter": data[:size-1], "a zero more": zero[:min(len(zero), chunk.Max+1)]} {
			if one.of(other) == tag {
				t.Errorf("%d bytes: %s: the same tag", size, what)
			}
		}
		two := tagger{tags: newTags()}
		if two.of(data) == tag {
			t.Errorf("%d bytes: two keys give the same tag", size)
		}
	}
}

// TestTagger: data are those of a chunk only if its tag is known and theirs.
func TestTagger(t *testing.T) {
	needTags(t)
	x := tagger{tags: newTags()}
	data, other := []byte("data"), []byte("other")
	x.tags.note(7, x.of(data))
	if !x.is(7, data) || x.is(7, other) || x.is(8, data) || x.is(7+memoSlots, data) {
		t.Error("taken for others")
	}
	none := tagger{}
	none.tags.note(7, none.of(data))
	if none.is(7, data) {
		t.Error("known without tags")
	}
}

// TestTagMemory: tags and followers count where they are, and only there.
func TestTagMemory(t *testing.T) {
	needTags(t)
	c := Local{}.newCutting(nil, 0, newChunkTable(), collect.Note{})
	if got, want := int64(len(c.cuts.tags.memo))*20, int64(tagsBytes); got != want || int64(len(c.followers))*8 != followersBytes {
		t.Errorf("%d bytes of tags, %d followers", got, len(c.followers))
	}
	lay := &layout{cuts: c.cuts}
	with := lay.memory()
	c.cuts.tags = nil
	if without := lay.memory(); with-without != tagsBytes {
		t.Errorf("%d bytes with tags, %d without", with, without)
	}
	if got := (Local{}).prepareBytes(nil, nil, stockPacks{}); got != tagsBytes+followersBytes {
		t.Errorf("%d bytes to prepare nothing", got)
	}
}

// TestWithoutTags runs tests of saves where GCM may not be used in this way.
func TestWithoutTags(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const probe = "GOCACHE_TEST_NO_TAGS"
	if os.Getenv(probe) != "" {
		if newTags() != nil {
			t.Fatal("there are tags")
		}
		c := newTestCutting()
		if c.followers != nil || c.cuts.tags.memory() != 0 {
			t.Error("memory for what nobody uses")
		}
		if got := (Local{}).prepareBytes(nil, nil, stockPacks{}); got != 0 {
			t.Errorf("%d bytes to prepare nothing", got)
		}
		return
	}
	tests := []string{"TestWithoutTags", "TestSaves", "TestReadAgain", "TestRecognize", "TestRecognizeAtOnce", "TestUnfitOthers"}
	cmd := exec.CommandContext(t.Context(), exe, "-test.v", "-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GODEBUG=") }), "GODEBUG=fips140=only", probe+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range tests {
		if !bytes.Contains(out, fmt.Appendf(nil, "--- PASS: %s ", name)) {
			t.Errorf("%s did not run", name)
		}
	}
}
