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

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// FuzzPrevious merges local content with any manifest that readers accept. The result can be
// written and read.
func FuzzPrevious(f *testing.F) {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"manifest", "manifest-paths"} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "format2", name))
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
		m, err := snapshot.DecodeManifest(append(fmt.Appendf(nil, "gocache-manifest 2\nsha256 %x\n\n", sha256.Sum256(body)), body...))
		if err != nil {
			return
		}
		inv := &buildcache.Inventory{
			Outputs: []buildcache.Output{{ID: digest.ID{2}}, {ID: digest.Of([]byte("o1")), Size: 400}},
			Entries: []buildcache.Local{
				{Entry: buildcache.Entry{Action: digest.ID{1}, Output: digest.ID{2}}},
				{Entry: buildcache.Entry{Action: digest.ID{2, 7}, Output: digest.Of([]byte("o1")), Size: 400, Time: 5}},
			},
		}
		inv.Drop(nil) // makes its index
		use := func(e buildcache.Local) int64 { return e.Time * 353462449 }
		f := facts{
			kinds: [kinds]collect.Kind{modules.Local{}, build.New(nil, inv, use), graph.Local{}, paths.Local{}},
			stock: collect.NewStock([]*snapshot.Manifest{m}, nil),
			head:  head{repo: "r", scope: "s", key: keys.Key{Name: "n", Digest: "d"}},
			rules: rules{start: time.Unix(1767312245, 0), maxAge: time.Duration(max(age, 0))},
		}
		if !meanwhile {
			f.exact = m
		}
		p := f.plan(m)
		data, err := p.manifest.Encode()
		if err != nil {
			t.Fatalf("the merged manifest cannot be written: %v", err)
		}
		if _, err := snapshot.DecodeManifest(data); err != nil {
			t.Fatalf("the merged manifest cannot be read: %v", err)
		}
	})
}
