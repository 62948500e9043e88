package save

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// FuzzPrevious merges what is here with any manifest that readers accept. What comes out can be
// written, and read.
func FuzzPrevious(f *testing.F) {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"manifest", "manifest-paths"} {
		data, err := os.ReadFile(filepath.Join("..", "internal", "snapshot", "testdata", "format1", name))
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := bytes.Cut(data, []byte("\n\n"))
		dec.Reset(bytes.NewReader(body))
		raw, err := io.ReadAll(dec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true, int64(0))
		f.Add(raw, false, int64(time.Hour))
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte, meanwhile bool, age int64) {
		body := enc.EncodeAll(raw, nil)
		m, err := snapshot.DecodeManifest(append(fmt.Appendf(nil, "gocache-manifest 1\nsha256 %x\n\n", sha256.Sum256(body)), body...))
		if err != nil {
			return
		}
		r := &run{
			Options: Options{Repo: "r", Scope: "s", MaxAge: time.Duration(max(age, 0)), Keys: keys.Plan{Key: keys.Key{Name: "n", Digest: "d"}}},
			start:   time.Unix(1767312245, 0), newFile: map[fileID]int{},
			local: localOf([]entry{{action: snapshot.ID{1}, output: snapshot.ID{2}}, {action: snapshot.ID{2, 7}, output: sha256.Sum256([]byte("o1")), size: 400, time: 5, lastUse: 1767312245}}),
		}
		r.prev.bad = map[string]map[int]bool{}
		r.prev.manifests = []*snapshot.Manifest{m}
		if !meanwhile {
			r.prev.exact = lookup.Found{Manifest: m}
		}
		r.prev.index()
		a := r.assemble(m)
		data, err := a.manifest.Encode()
		if err != nil {
			t.Fatalf("the merged manifest cannot be written: %v", err)
		}
		if _, err := snapshot.DecodeManifest(data); err != nil {
			t.Fatalf("the merged manifest cannot be read: %v", err)
		}
	})
}
