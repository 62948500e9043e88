package main

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
)

// sizeClasses are the sizes of outputs, in bytes. In real caches, 85 to 90 % are below 4 KiB; here
// nearly all are, so that a million of them fit on a disk. The mean is about 400 bytes. None is
// empty: of an empty output there is nothing to upload.
var sizeClasses = []struct {
	percent, least, most int
}{
	{30, 1, 64}, {50, 64, 384}, {17, 384, 1536}, {3, 1536, 6144},
}

// sharing: every eighth action has the same output as the one before, which can happen when a
// package is compiled with another flag.
const sharing = 8

// words make up outputs, together with random bytes, so that they compress about as well as real
// ones.
var words = [][]byte{
	[]byte("go:string.*"), []byte("runtime.gcWriteBarrier"), []byte("type:.eq."), []byte("github.com/example/project/internal/"),
	[]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte("errors.New"), []byte("(*Server).ServeHTTP"), []byte("fmt.Sprintf"),
}

// makeEntries adds the build entries first to first+n-1 to the cache in dir, each with its own
// output, except for those that share one. Their times are a millisecond apart, and the first of
// all is at base.
func makeEntries(ctx context.Context, dir string, first, n int, base time.Time) error {
	c := buildcache.Open(dir)
	if err := c.Prepare(base); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const chunk = 1000
	for from := first; from < first+n; from += chunk {
		g.Go(func() error {
			for i := from; i < min(from+chunk, first+n); i++ {
				if err := errors.Join(ctx.Err(), makeEntry(c, i, base.Add(time.Duration(i)*time.Millisecond))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func makeEntry(c *buildcache.Cache, i int, made time.Time) error {
	of := i
	if i%sharing == sharing-1 {
		of--
	}
	data := content(of)
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	w, err := c.CreateOutput(o, made)
	if err == nil {
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	}
	if err != nil && !errors.Is(err, buildcache.ErrPresent) {
		return err
	}
	return c.PutAction(buildcache.Entry{Action: actionID(i), Output: o.ID, Size: o.Size, Time: made.UnixNano()}, made)
}

func actionID(i int) digest.ID {
	return digest.Of(binary.LittleEndian.AppendUint64([]byte("action"), uint64(i)))
}

// content returns the bytes of output i, which are always the same.
func content(i int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), 1))
	n, p := 0, rnd.IntN(100)
	for _, c := range sizeClasses {
		if p < c.percent {
			n = c.least + rnd.IntN(c.most-c.least)
			break
		}
		p -= c.percent
	}
	data := make([]byte, 0, n+64)
	for len(data) < n {
		data = binary.LittleEndian.AppendUint64(data, rnd.Uint64())
		data = append(data, words[rnd.IntN(len(words))]...)
	}
	return data[:n]
}
