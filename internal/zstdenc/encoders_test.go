package zstdenc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// BenchmarkEncoders compares this encoder with those of the library, on one core, with frames as
// saves make them:
//
//	bash bench/run -n 1 -links loopback -scenarios first-save -frames /tmp/frames
//	GOCACHE_BENCH_FRAMES=/tmp/frames go test -run '^$' -bench Encoders -cpu 1 ./internal/zstdenc
//
// All frames have a checksum. For each project of the benchmark, it reports the compressed size as
// a share of the bytes, and the speed. It also measures decoding, since a restore pays for work
// that an encoder leaves to the decoder. If the variable is not set, the frames are Go code.
func BenchmarkEncoders(b *testing.B) {
	for project, frames := range benchFrames(b) {
		for _, e := range encoders(b) {
			b.Run(project+"/"+e.name, func(b *testing.B) { benchEncoder(b, e.encode, frames) })
			b.Run(project+"/"+e.name+"/decode", func(b *testing.B) { benchDecoder(b, e.encode, frames) })
		}
	}
}

type encoder struct {
	name   string
	encode func(dst, src []byte) []byte
}

func encoders(t testing.TB) []encoder {
	list := []encoder{{"own", new(Encoder).Append}}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedDefault, zstd.SpeedBetterCompression} {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		list = append(list, encoder{level.String(), func(dst, src []byte) []byte { return e.EncodeAll(src, dst) }})
	}
	return list
}

func benchEncoder(b *testing.B, encode func(dst, src []byte) []byte, frames [][]byte) {
	var raw, stored int
	for _, f := range frames {
		raw += len(f)
	}
	b.SetBytes(int64(raw))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		stored = 0
		for _, f := range frames {
			buf = encode(buf[:0], f)
			stored += len(buf)
		}
	}
	b.ReportMetric(100*float64(stored)/float64(raw), "%left")
}

func benchDecoder(b *testing.B, encode func(dst, src []byte) []byte, frames [][]byte) {
	var raw int
	var list [][]byte
	for _, f := range frames {
		raw += len(f)
		list = append(list, encode(nil, f))
	}
	d := newDecoder(b)
	b.SetBytes(int64(raw))
	var buf []byte
	for b.Loop() {
		for i, f := range list {
			var err error
			if buf, err = d.DecodeAll(f, buf[:0]); err != nil || len(buf) != len(frames[i]) {
				b.Fatalf("%d bytes of %d: %v", len(buf), len(frames[i]), err)
			}
		}
	}
}

// benchFrames reads the frames of each project.
func benchFrames(t testing.TB) map[string][][]byte {
	root, ok := os.LookupEnv("GOCACHE_BENCH_FRAMES")
	if !ok {
		return map[string][][]byte{"source": {goSource(t, 8<<20)}}
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no frames in %s (%v)", root, err)
	}
	frames := map[string][][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		project := filepath.Base(filepath.Dir(file))
		frames[project] = append(frames[project], data)
	}
	return frames
}
