package zstdenc

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// newDecoder returns a decoder that uses no more memory than a frame may need.
func newDecoder(t testing.TB) *zstd.Decoder {
	t.Helper()
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxSize))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func checkFrame(t testing.TB, d *zstd.Decoder, frame, want []byte) {
	t.Helper()
	got, err := d.DecodeAll(frame, nil)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(want), err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes became %d different bytes", len(want), len(got))
	}
}

// contents are inputs that cover each path through the encoder.
func contents(t testing.TB) map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		return p
	}
	// Bytes with few different values compress, but do not repeat.
	skewed := func(n, kinds int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(min(rnd.IntN(kinds), rnd.IntN(kinds)))
		}
		return p
	}
	c := map[string][]byte{
		"text":     goSource(t, 1<<20),
		"one byte": bytes.Repeat([]byte{7}, 3*blockSize+5),
		"random":   random(3*blockSize + 5),
		"skewed":   skewed(300<<10, 40),
		"period":   bytes.Repeat([]byte("abcdefghi"), 50_000),
		"records":  records(rnd, 30_000),
	}
	block := random(64 << 10)
	c["far"] = slices.Concat(block, skewed(5<<20, 200), block)
	c["mixed"] = slices.Concat(random(9<<10), c["text"][:50<<10], random(60<<10), bytes.Repeat([]byte{0}, 200<<10), c["records"][:99<<10])
	for _, n := range []int{0, 1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1023, 1024, 65791, 65792, blockSize - 1, blockSize, blockSize + 1, blockSize + 17} {
		c[fmt.Sprintf("%d bytes of text", n)] = c["text"][:n]
		c[fmt.Sprintf("%d bytes of noise", n)] = random(n)
	}
	return c
}

// records returns bytes like the tables of object files: most fields are the same as in the
// previous record.
func records(rnd *rand.Rand, n int) (p []byte) {
	for i := range n {
		p = fmt.Appendf(p, "\x00\x00\x00\x00\x10\x01%c\x00\x00\x00%c%c\x00\x00\x00\x00\x00", byte(i), byte(rnd.IntN(4)), byte(rnd.IntN(256)))
	}
	return p
}

// goSource returns n bytes of the standard library's source code.
func goSource(t testing.TB, n int) []byte {
	t.Helper()
	var p []byte
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src", "cmd"), func(path string, d fs.DirEntry, err error) error {
		if len(p) >= n {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		p = append(p, data...)
		return err
	})
	if err != nil || len(p) < n {
		t.Fatalf("%d bytes of source, %v", len(p), err)
	}
	return p[:n]
}

// TestRoundTrip encodes everything with the same encoder in turn, since the tables that an encoder
// keeps must not matter.
func TestRoundTrip(t *testing.T) {
	d := newDecoder(t)
	var e Encoder
	for name, want := range contents(t) {
		t.Run(name, func(t *testing.T) {
			frame := e.Append([]byte("before"), want)
			if !bytes.HasPrefix(frame, []byte("before")) {
				t.Fatal("dst was overwritten")
			}
			frame = frame[len("before"):]
			checkFrame(t, d, frame, want)
			if again := new(Encoder).Append(nil, want); !bytes.Equal(again, frame) {
				t.Error("another encoder writes other bytes")
			}
			if n := len(want) + len(want)/blockSize*3 + 20; len(frame) > n {
				t.Errorf("%d bytes became %d, more than %d", len(want), len(frame), n)
			}
		})
	}
}

// TestReference decodes the frames with the reference implementation.
func TestReference(t *testing.T) {
	path, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("no zstd program")
	}
	var e Encoder
	var frames, want []byte
	for _, c := range contents(t) {
		frames = e.Append(frames, c)
		want = append(want, c...)
	}
	cmd := exec.Command(path, "-dc", "--memory=16MiB")
	cmd.Stdin = bytes.NewReader(frames)
	cmd.Stderr = os.Stderr
	got, err := cmd.Output()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes became %d, %v", len(want), len(got), err)
	}
}

// TestRatio checks the purpose of this package: source code becomes smaller than with the encoder
// of the library, and a repetition some megabytes later takes hardly any bytes.
func TestRatio(t *testing.T) {
	lib, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(MaxSize), zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	text := goSource(t, 12<<20)
	own, other := len(new(Encoder).Append(nil, text)), len(lib.EncodeAll(text, nil))
	if own >= other {
		t.Errorf("%d bytes, %d by the library", own, other)
	}
	twice := slices.Concat(text, text[:1<<20])
	ownMore, otherMore := len(new(Encoder).Append(nil, twice))-own, len(lib.EncodeAll(twice, nil))-other
	t.Logf("%d bytes, %d by the library; repeated %d and %d", own, other, ownMore, otherMore)
	if ownMore > otherMore/3 {
		t.Errorf("a megabyte takes %d bytes when it comes again, %d by the library", ownMore, otherMore)
	}
}

// FuzzAppend round-trips any content, also after a copy of itself, which makes long matches.
func FuzzAppend(f *testing.F) {
	for _, c := range contents(f) {
		f.Add(c[:min(len(c), 40<<10)], uint32(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, times uint32) {
		if len(data) > 1<<20 {
			return // longer inputs only take time
		}
		d := newDecoder(t)
		var e Encoder
		checkFrame(t, d, e.Append(nil, data), data)
		if many := bytes.Repeat(data, 1+int(times%20)); len(many) < 4<<20 {
			checkFrame(t, d, e.Append(nil, many), many)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	text := goSource(b, 8<<20)
	var e Encoder
	var dst []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = e.Append(dst[:0], text)
	}
	b.ReportMetric(float64(len(dst))/float64(len(text)), "ratio")
}
