package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// unfinished returns the number of multipart uploads that were neither completed nor aborted.
func unfinished(t testing.TB, o s3.Options) int {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	client := awss3.NewFromConfig(cfg, func(so *awss3.Options) { so.BaseEndpoint, so.UsePathStyle = &o.Endpoint, true })
	out, err := client.ListMultipartUploads(context.Background(), &awss3.ListMultipartUploadsInput{Bucket: aws.String(o.Bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.Uploads {
		parts, err := client.ListParts(context.Background(), &awss3.ListPartsInput{Bucket: aws.String(o.Bucket), Key: u.Key, UploadId: u.UploadId})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, p := range parts.Parts {
			t.Log("left", *u.Key, *u.UploadId, *p.PartNumber, *p.Size)
		}
	}
	return len(out.Uploads)
}

// TestUploadsAreAborted cancels uploads at random moments, breaks their bodies, and lets their
// conditions fail. No parts may remain in the bucket.
func TestUploadsAreAborted(t *testing.T) {
	t.Parallel()
	g := gateway(t)
	o := options(g, newBucket(t, g))
	s := openStore(t, o)
	data := storetest.Content(1, 4*storetest.PartSize)
	mustPut(t, s, "x", []byte("x"))
	whole := time.Second // how long an upload takes, so that most moments lie within one
	cancelled, tries := 0, 0
	for ; tries < 16 || cancelled == 0 && tries < 1000; tries++ {
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(rand.N(whole), cancel)
		start := time.Now()
		_, err := s.Put(ctx, "y", bytes.NewReader(data), int64(len(data)), store.Condition{})
		timer.Stop()
		cancel()
		if errors.Is(err, context.Canceled) {
			cancelled++
		} else if err != nil {
			t.Fatal(err)
		} else {
			whole = time.Since(start) // the machine may be busier, or less busy, than before
		}
	}
	t.Logf("%d of %d were cancelled", cancelled, tries)
	if cancelled == 0 {
		t.Error("no upload was cancelled")
	}
	body := io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := s.Put(context.Background(), "z", body, -1, store.Condition{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := s.Put(context.Background(), "x", bytes.NewReader(data), -1, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if n := unfinished(t, o); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestMemory streams 320 MiB through a store with 20 MiB of buffers.
func TestMemory(t *testing.T) {
	g := gateway(t)
	s := openStore(t, options(g, newBucket(t, g)))
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	peak := make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			body := io.LimitReader(zeros{}, 40<<20)
			if _, err := s.Put(context.Background(), "m/"+time.Now().Format("150405.000000000"), body, -1, store.Condition{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(done)
	grown := int64(<-peak) - int64(before.HeapAlloc)
	t.Logf("heap grew by %d MiB", grown>>20)
	if grown > 48<<20 {
		t.Errorf("heap grew by %d MiB", grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
