// Command verify measures how fast `gocache verify` reads a build cache.
//
//	go run ./bench/verify -dir /dev/shm
//	go run ./bench/verify -cache "$(go env GOCACHE)"
//
// It makes a cache whose outputs have the sizes that those of a large project have (half have less
// than 10 KiB, a few some ten MiB), verifies it several times, and prints the median of the rates
// beside that of a program that only reads the files. Run it when nothing else runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/verify"
)

func main() { kit.Main("verify", execute) }

func execute(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	dir := f.String("dir", "", "`directory` in which the cache is made; default the temporary one")
	size := f.Int64("bytes", 2<<30, "`bytes` of all outputs")
	cache := f.String("cache", "", "measure this build `cache` instead")
	rounds := f.Int("rounds", 5, "`number` of measurements")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := kit.NoArguments(f); err != nil {
		return err
	}
	if *cache == "" {
		if *cache, err = os.MkdirTemp(*dir, "verify-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*cache)) }()
		if err := fill(*cache, *size); err != nil {
			return err
		}
	}
	return measure(ctx, *cache, *rounds)
}

// measure alternates the two, so that both meet the same machine.
func measure(ctx context.Context, cache string, rounds int) error {
	var verified, read []float64
	var res *verify.Result
	for range rounds {
		start := time.Now()
		n, err := readAll(cache)
		if err != nil {
			return err
		}
		read = append(read, float64(n)/time.Since(start).Seconds()/1e9)
		if res, err = verify.Run(ctx, verify.Options{BuildDir: cache}); err != nil {
			return err
		}
		verified = append(verified, float64(res.Bytes)/res.Seconds/1e9)
	}
	if n := len(res.Faults); n > 0 {
		return fmt.Errorf("%d faults, such as %+v", n, res.Faults[0])
	}
	out := res.Checked[verify.Output]
	fmt.Printf("%d outputs, %.2f GB, %d cores, %s\n", out.Objects, float64(out.Bytes)/1e9, runtime.GOMAXPROCS(0), kit.FirstLine(ctx, "uname", "-m"))
	fmt.Printf("verified  %.2f GB/s (%.2f)\nread      %.2f GB/s (%.2f)\n", kit.Median(verified), verified, kit.Median(read), read)
	return nil
}

// fill makes a cache of outputs with size bytes in all, each named by an entry.
func fill(dir string, size int64) error {
	c := buildcache.Open(dir)
	if err := c.Prepare(time.Now()); err != nil {
		return err
	}
	source := rand.NewChaCha8([32]byte{1})
	random := rand.New(source)
	for size > 0 {
		// The sizes are spread evenly over the powers of e: the median is a few KiB, and the mean
		// some hundred.
		n := int64(math.Exp(5 + 12.5*random.Float64()))
		content := make([]byte, n)
		_, _ = source.Read(content)
		id := digest.Of(content)
		e := buildcache.Entry{Action: digest.Of(id[:]), Output: id, Size: n, Time: time.Now().UnixNano()}
		for name, data := range map[string][]byte{e.Action.String() + "-a": e.AppendText(nil), id.String() + "-d": content} {
			if err := os.WriteFile(filepath.Join(dir, name[:2], name), data, 0o666); err != nil {
				return err
			}
		}
		size -= n
	}
	return nil
}

// readAll reads all files of a cache on all cores, and returns how many bytes they have.
func readAll(dir string) (bytes int64, err error) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		bytes += st.Size()
		g.Go(func() error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			buf := make([]byte, 256<<10)
			for err == nil {
				_, err = f.Read(buf)
			}
			if err != io.EOF {
				return err
			}
			return nil
		})
		return nil
	})
	return bytes, errors.Join(err, g.Wait())
}
