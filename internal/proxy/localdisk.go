package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
)

// The local disk only saves time. While it fails, zips are made of module objects as they are sent,
// and what is fetched goes to the store before it is served.

const (
	// diskDownTime is how long the local disk is left alone after it has failed.
	diskDownTime = 30 * time.Second
	// maxPassing is how many zips are made for clients at once: each takes memory for as long as
	// its client reads.
	maxPassing = 2
)

// localDisk is whether the local disk takes zips.
type localDisk struct {
	down    atomic.Int64 // Unix nanoseconds until which it is not tried
	passing chan struct{}
}

// diskError is one of the local disk, where one of the store is possible as well.
type diskError struct{ err error }

func (e *diskError) Error() string { return "local disk: " + e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

type diskWriter struct{ w io.Writer }

func (d diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

// diskFailed notes an error of the local disk, and returns it as one. A full disk gets room, and is
// tried again at once if there was something to remove.
func (l *core) diskFailed(err error) error {
	l.o.Watch.DiskFailed()
	until := time.Now()
	if !osfile.IsNoSpace(err) || !l.o.Zips.MakeRoom() {
		until = until.Add(diskDownTime)
	}
	l.disk.down.Store(until.UnixNano())
	if n, ok := l.lines.Allow("disk"); ok {
		l.o.Log.Error("local disk failed: zips pass from the store to clients while it does", "error", err, "times", n)
	}
	return &diskError{err}
}

func (l *core) diskIsDown() bool { return time.Now().UnixNano() < l.disk.down.Load() }

// passZip returns a zip that is made of the module object while it is sent. The object is verified
// before, for what has been sent cannot be taken back.
func (l zips) passZip(ctx context.Context, d *domain, v module.Version, sums shelf.Sums) (*Zip, error) {
	sum, err := fly(ctx, l.core, "pass "+v.String(), func(ctx context.Context) (string, error) {
		sum, err := l.stored(ctx, d, v, sums)
		l.rememberAbsence(v.Path, "zip "+v.String(), err)
		return sum, err
	})
	if err != nil {
		return nil, err
	}
	l.touch(d, v, sum)
	return &Zip{Sum: sum, WriteTo: func(ctx context.Context, w io.Writer) error {
		select {
		case l.disk.passing <- struct{}{}:
			defer func() { <-l.disk.passing }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return d.shelf.WriteZip(ctx, v, sum, w)
	}}, nil
}

// stored returns the hash of a version whose module object is in the store and right. What is not
// there is fetched.
func (l zips) stored(ctx context.Context, d *domain, v module.Version, sums shelf.Sums) (string, error) {
	defer l.fetch()()
	var failed error
	switch {
	case sums.Sum == "":
	case l.storeIsDown():
		failed = errStoreDown
	case !l.begin(ctx):
		return "", context.Cause(ctx)
	default:
		err := d.shelf.VerifyStored(ctx, v, sums.Sum)
		l.end()
		if err == nil {
			l.o.Watch.Found("zip", "store")
			return sums.Sum, nil
		}
		failed = l.unreadable(err)
	}
	if l.o.Offline {
		return "", absence(v.String(), failed)
	}
	sum, err := l.fetchPast(ctx, d, v, sums)
	return sum, doubt(err, v.String(), failed)
}

// fetchPast fetches a zip, by way of the directory for temporary files, which may lie on another
// disk, verifies it and stores its module object.
func (l zips) fetchPast(ctx context.Context, d *domain, v module.Version, sums shelf.Sums) (string, error) {
	select {
	case l.pulling <- struct{}{}:
		defer func() { <-l.pulling }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	f, err := os.CreateTemp("", "gocache-proxy-*")
	if err != nil {
		return "", diskOutage(v, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := d.source.Zip(ctx, v, f); err != nil {
		if osfile.IsNoSpace(err) {
			err = diskOutage(v, err)
		}
		return "", err
	}
	sum, err := l.verify(ctx, d, v, f, sums)
	if err != nil {
		return "", err
	}
	l.o.Watch.Found("zip", "upstream")
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		err = l.storeModule(ctx, d, v, sum, &zipcache.File{File: f, Size: size}, func(do func() error) error {
			if !l.begin(ctx) {
				return context.Cause(ctx)
			}
			defer l.end()
			return do()
		})
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if has, hasErr := d.shelf.Has(ctx, v, sum); err == nil && !has { // a store that is only read
		err = cmp.Or(hasErr, errors.New("it takes no zip, and the store no module"))
	}
	if err != nil {
		return "", diskOutage(v, err)
	}
	return sum, nil
}

// diskOutage is the answer where a zip can be put nowhere.
func diskOutage(v module.Version, err error) error {
	return &upstream.Error{Kind: upstream.Outage, Source: "local disk", What: v.String(), Err: err}
}
