package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/chunk"
)

// provedChunks are 300 chunks of the largest size, which lie in two frames, and a small one.
func provedChunks() (list [][]byte) {
	for i := range 300 {
		list = append(list, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, chunk.Max/2))
	}
	return append(list, []byte("small"))
}

// listOf is the list of chunks, decoded.
func listOf(chunks [][]byte) (raw []byte) {
	for _, c := range chunks {
		sum := ChunkSumOf(sha256.Sum256(c))
		raw = binary.AppendUvarint(append(raw, sum[:]...), uint64(len(c)))
	}
	return raw
}

// contentOf are the stored frames of chunks, without a list.
func contentOf(chunks [][]byte) (stored []byte) {
	perFrame := FrameSize / chunk.Max
	for part := range slices.Chunk(chunks, perFrame) {
		stored = append(stored, encodeFrame(bytes.Join(part, nil), nil)...)
	}
	return stored
}

// flipped is data with another byte at an offset.
func flipped(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

// proveChunks proves a pack that has these stored frames before its list.
func proveChunks(content, list []byte) error {
	last := encodeFrame(list, nil)
	p, err := NewChunkProver(last)
	if err != nil {
		return err
	}
	defer p.Release()
	frames, _, err := HashPack(bytes.NewReader(slices.Concat(content, last)), make([]byte, 4<<10), p)
	if err != nil {
		return err
	}
	return p.Err(frames)
}

// TestProveChunks: a list that says anything that is not true of the frames is found out.
func TestProveChunks(t *testing.T) {
	chunks := provedChunks()
	content, good := contentOf(chunks), listOf(chunks)
	change := func(at int) []byte { return flipped(good, at) }
	const entry = 27 // bytes of the large chunks
	damaged := flipped(content, len(content)-1)
	for name, c := range map[string]struct {
		content, list []byte
		want          string // "": all is well
	}{
		"as it should be":           {content, good, ""},
		"first sum":                 {content, change(0), "chunk 0 has another hash"},
		"last byte of a sum":        {content, change(255*entry + 23), "chunk 255 has another hash"},
		"sum in the second frame":   {content, change(256 * entry), "chunk 256 has another hash"},
		"sum of the last":           {content, change(300 * entry), "chunk 300 has another hash"},
		"two are swapped":           {content, slices.Concat(good[entry:2*entry], good[:entry], good[2*entry:]), "chunk 0 has another hash"},
		"one is missing":            {content, good[entry:], "chunk 0 has another hash"},
		"the last is missing":       {content, good[:300*entry], "bytes of frame 1"},
		"one too many":              {content, slices.Concat(good, good[:entry]), "behind the end of frame 1"},
		"more frames":               {content, slices.Concat(good, bytes.Repeat(good[:entry], 300)), "behind the end of frame 1"},
		"nothing":                   {nil, good, "behind the end of frame 0"},
		"a frame that cannot be":    {damaged, good, "frame 1: corrupt"},
		"no list":                   {content, []byte("hello"), "entry 0"},
		"a list of too many chunks": {content, bytes.Repeat(good[:entry], MaxPackChunks+1), "list of chunks of 7077915 bytes"},
	} {
		err := proveChunks(c.content, c.list)
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestProveOtherList: the list that is proven is the one at the end of the pack.
func TestProveOtherList(t *testing.T) {
	chunks := [][]byte{[]byte("first"), []byte("second")}
	content := encodeFrame(bytes.Join(chunks, nil), nil)
	good := encodeFrame(listOf(chunks), nil)
	for name, end := range map[string][]byte{"none": nil, "another": encodeFrame(listOf(chunks[:1]), nil), "one more": slices.Concat(good, good)} {
		p, err := NewChunkProver(good)
		if err != nil {
			t.Fatal(err)
		}
		frames, _, err := HashPack(bytes.NewReader(slices.Concat(content, end)), make([]byte, 4<<10), p)
		if err == nil {
			err = p.Err(frames)
		}
		p.Release()
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProverRefuses: what is no frame, or has more than one, holds no list.
func TestProverRefuses(t *testing.T) {
	good := encodeFrame(listOf([][]byte{[]byte("x")}), nil)
	for name, stored := range map[string][]byte{
		"nothing": nil, "a header": good[:frameHeaderSize], "cut off": good[:len(good)-1], "more": append(bytes.Clone(good), 0), "no header": good[1:],
		"another magic": flipped(good, 0), "another length": flipped(good, 8),
	} {
		if _, err := NewChunkProver(stored); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzProveChunks: a list that is accepted says the truth.
func FuzzProveChunks(f *testing.F) {
	chunks := [][]byte{bytes.Repeat([]byte("0123456789abcdef"), 20), []byte("small"), []byte("x")}
	raw := bytes.Join(chunks, nil)
	content := encodeFrame(raw, nil)
	f.Add(listOf(chunks))
	f.Add(listOf([][]byte{raw}))
	f.Add(listOf(chunks[1:]))
	f.Fuzz(func(t *testing.T, list []byte) {
		if len(list) == 0 || proveChunks(content, list) != nil {
			return
		}
		said, err := parseList(list, MaxPackChunks)
		if err != nil {
			t.Fatal(err)
		}
		rest := raw
		for i, c := range said {
			if ChunkSumOf(sha256.Sum256(rest[:c.Len])) != c.Sum {
				t.Errorf("chunk %d is another one", i)
			}
			rest = rest[c.Len:]
		}
		if len(rest) > 0 {
			t.Errorf("%d bytes are in no chunk", len(rest))
		}
	})
}
