package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// bodyOf returns the body of a stored manifest, after its hash, decompressed.
func bodyOf(t testing.TB, data []byte) []byte {
	t.Helper()
	_, body, _ := bytes.Cut(data, []byte("\n\n"))
	zr, err := zstd.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer zr.Close()
	raw, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var fastest, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))

// manifestOf stores a body as a writer does, whatever the body is.
func manifestOf(raw []byte) []byte {
	body := fastest.EncodeAll(raw, nil)
	return append(fmt.Appendf(nil, "gocache-manifest 2\nsha256 %x\n\n", sha256.Sum256(body)), body...)
}

// TestManifestOfEqualThings: a writer pads a manifest that compresses better than anything with
// hashes could, since readers would refuse it otherwise.
func TestManifestOfEqualThings(t *testing.T) {
	m := sampleManifest()
	m.Outputs = m.Outputs[:1]
	m.Actions = make([]snapshot.Action, 200_000)
	for i := range m.Actions {
		m.Actions[i] = snapshot.Action{ID: digest.ID{byte(i >> 16), byte(i >> 8), byte(i)}, Output: 0}
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := snapshot.DecodeManifest(data)
	if err != nil || len(back.Actions) != len(m.Actions) {
		t.Fatal(err)
	}
	raw := bodyOf(t, data)
	if _, err := snapshot.DecodeManifest(manifestOf(raw)); err == nil {
		t.Errorf("%d stored bytes are accepted for %d actions", len(manifestOf(raw)), len(m.Actions))
	}
}

// TestUnknownFields: readers and gc ignore unknown fields of any size.
func TestUnknownFields(t *testing.T) {
	m := sampleManifest()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	raw := bodyOf(t, data)
	later := []byte(`{"later":[` + strings.Repeat(`{"a":[1,"x",null,{"b":true}]},`, 50_000) + `{}],"also":"x",`)
	data = manifestOf(append(later, raw[1:]...))
	got, err := snapshot.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
	if names, err := snapshot.Names(data); err != nil || len(names) != 4 {
		t.Errorf("%q, %v", names, err)
	}
}

// FuzzManifestBody fuzzes what comes after the hash and the compression. Whatever is accepted can
// be relied on, and gc sees the same names as readers.
func FuzzManifestBody(f *testing.F) {
	for _, m := range []*snapshot.Manifest{sampleManifest(), manifestWithPaths(), manifestWithDelta()} {
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bodyOf(f, data))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		data := manifestOf(raw)
		m, err := snapshot.DecodeManifest(data)
		if err != nil {
			if !errors.Is(err, snapshot.ErrCorrupt) {
				t.Errorf("neither accepted nor corrupt: %v", err)
			}
			return
		}
		var want []string
		for _, p := range m.Packs {
			want = append(want, p.Object)
		}
		for _, mod := range m.Modules {
			want = append(want, mod.Object)
			if mod.Base != nil {
				want = append(want, mod.Base.Object)
			}
		}
		if names, err := snapshot.Names(data); err != nil || !slices.Equal(names, want) {
			t.Errorf("gc would keep %q, %v; readers need %q", names, err, want)
		}
		checkSound(t, m)
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("a manifest that was accepted cannot be written: %v", err)
		}
		back, err := snapshot.DecodeManifest(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if d := cmp.Diff(m.Outputs, back.Outputs) + cmp.Diff(m.Actions, back.Actions) + cmp.Diff(m.Packs, back.Packs); d != "" {
			t.Error(d)
		}
	})
}

func rawOf(p snapshot.Pack) (n int64) {
	for _, f := range p.Content() {
		n += f.Raw
	}
	return n
}

// checkSound checks what readers take for granted.
func checkSound(t *testing.T, m *snapshot.Manifest) {
	t.Helper()
	seen := map[digest.ID]bool{}
	for _, o := range m.Outputs {
		size := int64(0)
		for _, e := range o.Extents {
			size += int64(e.Len)
			if f := m.Packs[e.Pack].Content()[e.Frame]; e.Off < 0 || int64(e.Off+e.Len) > f.Raw {
				t.Errorf("an extent of output %s", o.ID)
			}
		}
		if seen[o.ID] || size != o.Size {
			t.Errorf("output %s", o.ID)
		}
		seen[o.ID] = true
	}
	for i, live := range m.LiveBytes() {
		if p := m.Packs[i]; live < 0 || p.Chunks > 0 && live > rawOf(p) {
			t.Errorf("pack %d has %d live bytes", i, live)
		}
	}
	if m.StoredBytes() < 0 || m.Size().ModuleBytes < 0 {
		t.Error("sizes overflow")
	}
}
