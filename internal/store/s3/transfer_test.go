package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/store/storeurl"
)

// benchEnv names the store URL that BenchmarkTransfer uses, such as one behind a slow link. If it
// is not set, a gateway on loopback is started.
const benchEnv = "GOCACHE_BENCH_STORE"

// BenchmarkTransfer transfers 256 MiB, as one object and as 16 objects of 16 MiB, with different
// part sizes and numbers of concurrent requests. docs/transfer.md has the results.
func BenchmarkTransfer(b *testing.B) {
	const total, pack = 256 << 20, 16 << 20
	o := benchOptions(b)
	data := storetest.Content(1, total)
	for _, size := range []int64{pack, total} {
		for _, part := range []int64{5, 8, 16, 32} {
			for _, n := range []int{2, 4, 8, 16, 32} {
				if part<<20 > 16<<20 && size == pack {
					continue // the same as 16 MiB
				}
				o.PartSize, o.Concurrency = part<<20, n
				s := openStore(b, o)
				name := fmt.Sprintf("objects=%dx%d/part=%d/parallel=%d", total/size, size>>20, part, n)
				b.Run("up/"+name, func(b *testing.B) { benchEach(b, total, func() error { return upload(s, data, size, n) }) })
				b.Run("down/"+name, func(b *testing.B) { benchEach(b, total, func() error { return download(s, total, size, part<<20, n) }) })
			}
		}
	}
}

func benchOptions(b *testing.B) s3.Options {
	raw := os.Getenv(benchEnv)
	if raw == "" {
		g := gateway(b)
		raw = g.URL(newBucket(b, g), "bench")
	}
	t, err := storeurl.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	return *t.S3
}

func benchEach(b *testing.B, n int64, f func() error) {
	b.SetBytes(n)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

func upload(s store.Store, data []byte, size int64, n int) error {
	var g errgroup.Group
	g.SetLimit(n)
	for off := int64(0); off < int64(len(data)); off += size {
		g.Go(func() error {
			_, err := s.Put(context.Background(), fmt.Sprint("o/", off), bytes.NewReader(data[off:off+size]), size, store.Condition{})
			return err
		})
	}
	return g.Wait()
}

// download keeps about n ranges in flight across all objects.
func download(s store.Store, total, size, part int64, n int) error {
	ahead := int(min(int64(n), (size+part-1)/part))
	var g errgroup.Group
	g.SetLimit(max(1, n/ahead))
	for off := int64(0); off < total; off += size {
		g.Go(func() error {
			r, _, err := store.OpenParallel(context.Background(), s, fmt.Sprint("o/", off), 0, -1, part, ahead)
			if err != nil {
				return err
			}
			defer r.Close()
			got, err := io.Copy(io.Discard, r)
			if err == nil && got != size {
				err = io.ErrUnexpectedEOF
			}
			return err
		})
	}
	return g.Wait()
}
