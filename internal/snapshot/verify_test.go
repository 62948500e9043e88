package snapshot_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/snapshot"
)

// TestHashPack: the frames of a pack are those that its writer noted, whatever the buffer; and
// bytes that are no pack are refused.
func TestHashPack(t *testing.T) {
	data, pack := writeChunks(t, sampleChunks())
	for _, size := range []int{64, 4096, 1 << 20} {
		frames, name, err := snapshot.HashPack(bytes.NewReader(data), make([]byte, size), nil)
		if err != nil || !slices.Equal(frames, pack.Frames) || snapshot.PackObject("r", "s", name) != pack.Object {
			t.Errorf("buffer of %d bytes: %v, %d frames, want %d", size, err, len(frames), len(pack.Frames))
		}
	}
	buf := make([]byte, 4096)
	for n, want := range map[int]error{5: io.ErrUnexpectedEOF, 12: io.ErrUnexpectedEOF, 100: io.ErrUnexpectedEOF, len(data) - 1: io.ErrUnexpectedEOF} {
		if _, _, err := snapshot.HashPack(bytes.NewReader(data[:n]), buf, nil); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
	}
	for _, at := range []int{0, 4, 11, 12} {
		bad := bytes.Clone(data)
		bad[at] ^= 0xff
		if _, _, err := snapshot.HashPack(bytes.NewReader(bad), buf, nil); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

// TestModuleOf: the name of a module object tells what it has, and no other name does.
func TestModuleOf(t *testing.T) {
	const sum = "h1:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	for _, v := range []module.Version{
		{Path: "example.com/Sample", Version: "v1.0.0"}, {Path: "example.com/modules/x", Version: "v1.0.0"},
		{Path: "golang.org/toolchain", Version: "v0.0.1-go1.26.0.linux-amd64"}, {Path: "example.com/x/v2", Version: "v2.0.0-RC1"},
	} {
		public, err1 := snapshot.ModuleObject(v, sum)
		scoped, err2 := snapshot.ScopedModuleObject("modules", "modules", v, sum)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{public, scoped, snapshot.DeltaObject(public)} {
			if got, gotSum, ok := snapshot.ModuleOf(name); !ok || got != v || gotSum != sum {
				t.Errorf("%s: %v, %s, %t", name, got, gotSum, ok)
			}
		}
	}
	for _, name := range []string{
		"", "v2/modules", "v2/modules/example.com/x/@v/v1.0.0", "v2/modules/example.com/x/@v/v1.0.0/00", "v2/packs/x/@v/v1.0.0/" + sum,
		snapshot.PackObject("r", "s", [32]byte{}), "v2/repos/r/s/modules/" + strings.Repeat("0", 64), "v2/modules/" + strings.Repeat("0", 64),
	} {
		if v, _, ok := snapshot.ModuleOf(name); ok {
			t.Errorf("%q: %v", name, v)
		}
	}
}
