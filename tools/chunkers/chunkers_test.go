package chunkers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jotfs/fastcdc-go"
	restic "github.com/restic/chunker"

	"github.com/org/gocache-action/internal/chunk"
)

// maxData limits the number of bytes that are cut, and thus the time of a run.
const maxData = 256 << 20

// cutter calls each for every chunk of data.
type cutter func(data []byte, each func([]byte)) error

func own(data []byte, each func([]byte)) error {
	for len(data) > 0 {
		n := chunk.Cut(data)
		each(data[:n])
		data = data[n:]
	}
	return nil
}

// jotfs makes a new chunker for each file, since these chunkers cannot be reused.
func jotfs(data []byte, each func([]byte)) error {
	c, err := fastcdc.NewChunker(bytes.NewReader(data), fastcdc.Options{
		MinSize: chunk.Min, AverageSize: chunk.Normal, MaxSize: chunk.Max, BufSize: 2 * chunk.Max,
	})
	if err != nil {
		return err
	}
	for {
		k, err := c.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(k.Data)
	}
}

// newRestic returns a cutter that reuses one chunker of half a megabyte for all files.
func newRestic() cutter {
	const polynomial = restic.Pol(0x3DA3358B4DC173) // from restic's documentation
	c := restic.NewWithBoundaries(bytes.NewReader(nil), polynomial, chunk.Min, chunk.Max)
	buf := make([]byte, chunk.Max)
	return func(data []byte, each func([]byte)) error {
		c.ResetWithBoundaries(bytes.NewReader(data), polynomial, chunk.Min, chunk.Max)
		c.SetAverageBits(13) // 8 KiB
		for {
			k, err := c.Next(buf)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			each(k.Data)
		}
	}
}

func BenchmarkChunkers(b *testing.B) {
	files := load(b)
	for _, x := range []struct {
		name string
		cut  cutter
	}{{"own", own}, {"jotfs", jotfs}, {"restic", newRestic()}} {
		b.Run(x.name, func(b *testing.B) {
			total := 0
			for _, f := range files {
				total += len(f)
			}
			b.SetBytes(int64(total))
			b.ReportAllocs()
			for b.Loop() {
				for _, f := range files {
					if err := x.cut(f, func([]byte) {}); err != nil {
						b.Fatal(err)
					}
				}
			}
			chunks, different := sizes(b, x.cut, files)
			b.ReportMetric(float64(total)/float64(chunks), "B/chunk")
			b.ReportMetric(100*float64(different)/float64(total), "%different")
		})
	}
}

// sizes returns the number of chunks that the files are cut into, and the total bytes of the
// different ones. It fails if the chunks do not add up to the files.
func sizes(t testing.TB, cut cutter, files [][]byte) (chunks, different int) {
	seen := map[[sha256.Size]byte]bool{}
	for _, f := range files {
		var sum int
		if err := cut(f, func(c []byte) {
			id := sha256.Sum256(c)
			if !bytes.Equal(c, f[sum:sum+len(c)]) {
				t.Fatalf("chunk at %d differs from the file", sum)
			}
			chunks, sum = chunks+1, sum+len(c)
			if !seen[id] {
				seen[id] = true
				different += len(c)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if sum != len(f) {
			t.Fatalf("chunks of %d bytes of a file of %d", sum, len(f))
		}
	}
	return chunks, different
}

// TestCutters checks that every cutter cuts all of its data.
func TestCutters(t *testing.T) {
	text := []byte(strings.Repeat("func (c *Cache) OpenOutput(o Output) (*os.File, error)\n", 10_000))
	for _, cut := range []cutter{own, jotfs, newRestic()} {
		sizes(t, cut, [][]byte{text, text[:3000], text[:chunk.Max], {1}})
	}
}

// load reads the files to cut: the first maxData bytes in the order of file names.
func load(t testing.TB) (files [][]byte) {
	root, ok := os.LookupEnv("GOCACHE_BENCH_FILES")
	if !ok {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(strings.TrimSpace(string(out)), "bin", "go")
	}
	left := maxData
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(file)
		if len(data) > 0 && len(data) <= left {
			files, left = append(files, data), left-len(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
