package proxy

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/later"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/zipcache"
)

// How much may go on, and wait, after answers were given.
const (
	smallWorkers, smallLimit = 8, 1000
	objectLimit              = 256 // each has a zip open
	fetchWorkers, fetchLimit = 4, 1000
	// quietAfter is how long nothing must have been fetched until what was fetched is stored.
	quietAfter = time.Second
)

// background is what goes on after answers were given.
type background struct {
	small   *later.Queue // small objects to be written
	objects *later.Queue // module objects to be written or renewed
	fetches *later.Queue // what nobody waits for

	fetching atomic.Int64 // what clients wait for
	fetched  atomic.Int64 // Unix nanoseconds when that was 0 last
}

func newBackground(o Options) *background {
	b := &background{
		small:   later.New(later.Options{Workers: smallWorkers, Limit: smallLimit}),
		fetches: later.New(later.Options{Workers: fetchWorkers, Limit: fetchLimit}),
	}
	objects := later.Options{Workers: min(o.ConcurrentObjects, max(1, runtime.GOMAXPROCS(0)/2)), Limit: objectLimit}
	if o.StoreDelay > 0 {
		objects.Busy, objects.Longest = b.isFetching, o.StoreDelay
	}
	b.objects = later.New(objects)
	return b
}

// fetch notes that clients wait for something that is fetched, until done is called.
func (b *background) fetch() (done func()) {
	b.fetching.Add(1)
	return func() {
		b.fetched.Store(time.Now().UnixNano())
		b.fetching.Add(-1)
	}
}

func (b *background) isFetching() bool {
	return b.fetching.Load() > 0 || time.Since(time.Unix(0, b.fetched.Load())) < quietAfter
}

// Wait waits for what goes on in the background, at most until ctx ends.
func (l *core) Wait(ctx context.Context) {
	l.fetches.Wait(ctx) // which adds to the next
	l.objects.Wait(ctx) // which adds to the next
	l.small.Wait(ctx)
	if l.o.DB != nil {
		l.o.DB.Wait(ctx)
	}
}

// NotStored is how many module objects wait to be stored.
func (b *background) NotStored() int { return b.objects.Len() }

func (b *background) close() {
	b.fetches.Close()
	b.objects.Close()
	b.small.Close()
}

// task is one that is logged if it fails.
func (l *core) task(what string, do func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, l.o.FlightTime)
		defer cancel()
		if err := do(ctx); err != nil {
			if n, ok := l.lines.Allow("task"); ok {
				l.o.Log.Warn("not done", "what", what, "error", err, "times", n)
			}
		}
	}
}

// storeLater stores a module object of a zip that has been verified, and closes the zip.
func (l zips) storeLater(ctx context.Context, d *domain, v module.Version, sum string, f *zipcache.File) {
	key := touchedKey(d, v)
	do := l.task("store "+v.String(), func(ctx context.Context) error {
		defer f.Close()
		err := l.storeModule(ctx, d, v, sum, f, atOnce)
		if err != nil {
			l.o.Memo.Drop(key) // the next who uses it tries again
		}
		return err
	})
	l.o.Memo.Put("touched", key, memo.Entry{}, l.o.TouchAfter)
	var added bool
	if l.o.StoreDelay > 0 {
		added = l.objects.Try(do)
	} else {
		added = l.objects.Add(ctx, do)
	}
	if !added {
		f.Close()
		l.o.Memo.Drop(key)
	}
}

// infoLater finds the .info of a version: who asked for its go.mod will ask for that next, and does
// not wait for two upstreams one after the other then.
func (l files) infoLater(v module.Version) {
	l.fetches.Try(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, l.o.FlightTime)
		defer cancel()
		_, _ = l.info(ctx, v) // who asks for it gets the error
	})
}

func touchedKey(d *domain, v module.Version) string { return "touched " + d.name + " " + v.String() }
