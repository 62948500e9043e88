package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// zips finds zips of versions.
type zips struct{ files }

// A Zip is an open zip of a version, or one that is made while it is sent.
type Zip struct {
	*zipcache.File // nil: WriteTo has it
	// WriteTo makes the zip of a module object that has been verified; nil if there is a File.
	WriteTo func(ctx context.Context, w io.Writer) error
	Sum     string // h1
}

// Close ends the use of a zip.
func (z *Zip) Close() error {
	if z.File == nil {
		return nil
	}
	return z.File.Close()
}

// Zip returns the zip of a version. The caller must close it.
func (l zips) Zip(ctx context.Context, v module.Version) (*Zip, error) {
	d := l.domain(v.Path)
	if e, ok := l.o.Memo.Get("zip " + v.String()); ok {
		return nil, e.Err
	}
	sums, err := l.sums(ctx, d, v)
	if err != nil {
		return nil, l.unknown(ctx, d, v, err)
	}
	if z, ok := l.cached(d, v, sums.Sum); ok {
		l.o.Watch.Found("zip", "disk")
		return z, nil
	}
	if l.diskIsDown() {
		return l.passZip(ctx, d, v, sums)
	}
	for range 3 { // the cache of zips may drop it between the two steps
		sum, err := fly(ctx, l.core, "zip "+v.String(), func(ctx context.Context) (string, error) {
			sum, err := l.makeZip(ctx, d, v, sums)
			l.rememberAbsence(v.Path, "zip "+v.String(), err)
			return sum, err
		})
		if local := (*diskError)(nil); errors.As(err, &local) {
			return l.passZip(ctx, d, v, sums)
		}
		if err != nil {
			return nil, err
		}
		if z, ok := l.cached(d, v, sum); ok {
			return z, nil
		}
	}
	return nil, &upstream.Error{Kind: upstream.Outage, Source: "cache of zips", What: v.String(), Err: errors.New("it is too small")}
}

// cached opens a zip that is on the local disk, and renews its module object.
func (l zips) cached(d *domain, v module.Version, sum string) (*Zip, bool) {
	if sum == "" {
		return nil, false
	}
	f, ok := l.o.Zips.Get(zipKey(d, v, sum))
	if !ok {
		return nil, false
	}
	l.touch(d, v, sum)
	return &Zip{File: f, Sum: sum}, true
}

func zipKey(d *domain, v module.Version, sum string) string {
	return zipcache.Key(d.name, v.Path, v.Version, sum)
}

// touch renews a module object that is in use, so that garbage collection does not take it for
// unused, and stores one that is gone. That happens once in a while, however often it is used.
func (l zips) touch(d *domain, v module.Version, sum string) {
	toucher, ok := l.o.Store.(store.Toucher)
	key := touchedKey(d, v)
	if _, done := l.o.Memo.Get(key); done || !ok {
		return
	}
	l.o.Memo.Put("touched", key, memo.Entry{}, l.o.TouchAfter)
	added := l.objects.Try(l.task("renew "+v.String(), func(ctx context.Context) error {
		objects, err := d.shelf.Objects(ctx, v, sum)
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, snapshot.ErrCorrupt):
			return l.storeAgain(ctx, d, v, sum)
		case err != nil:
			l.o.Memo.Drop(key)
			return err
		}
		for _, o := range objects {
			if time.Since(o.ModTime) < l.o.TouchAfter {
				continue
			}
			err := toucher.Touch(ctx, o.Name)
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported) {
				return err
			}
		}
		return nil
	}))
	if !added {
		l.o.Memo.Drop(key)
	}
}

// storeAgain stores a module object that is gone, of the zip on the local disk.
func (l zips) storeAgain(ctx context.Context, d *domain, v module.Version, sum string) error {
	f, ok := l.o.Zips.Get(zipKey(d, v, sum))
	if !ok {
		return nil
	}
	defer f.Close()
	return l.storeModule(ctx, d, v, sum, f, atOnce)
}

// makeZip puts the zip of a version on the local disk, and returns its hash. What is fetched is
// stored in the background.
func (l zips) makeZip(ctx context.Context, d *domain, v module.Version, sums shelf.Sums) (string, error) {
	defer l.fetch()()
	var failed error
	switch {
	case sums.Sum == "":
	case l.storeIsDown():
		failed = errStoreDown
	default:
		err := l.fromStore(ctx, d, v, sums.Sum)
		if err == nil {
			l.o.Watch.Found("zip", "store")
			return sums.Sum, nil
		}
		if local := (*diskError)(nil); errors.As(err, &local) {
			return "", l.diskFailed(local.err)
		}
		failed = l.unreadable(err)
	}
	if l.o.Offline {
		return "", absence(v.String(), failed)
	}
	sum, err := l.fromUpstream(ctx, d, v, sums)
	return sum, doubt(err, v.String(), failed)
}

// fromStore makes a zip of the module object.
func (l zips) fromStore(ctx context.Context, d *domain, v module.Version, sum string) error {
	draft, err := l.o.Zips.NewDraft()
	if err != nil {
		return &diskError{err}
	}
	defer draft.Close()
	if !l.begin(ctx) {
		return context.Cause(ctx)
	}
	defer l.end()
	if err := d.shelf.WriteZip(ctx, v, sum, diskWriter{draft}); err != nil {
		return err
	}
	if err := draft.Keep(zipKey(d, v, sum)); err != nil {
		return &diskError{err}
	}
	return nil
}

// fromUpstream fetches a zip, verifies it, and stores its module object in the background.
func (l zips) fromUpstream(ctx context.Context, d *domain, v module.Version, sums shelf.Sums) (string, error) {
	select { // each may take a lot of disk
	case l.pulling <- struct{}{}:
		defer func() { <-l.pulling }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	draft, err := l.o.Zips.NewDraft()
	if err != nil {
		return "", l.diskFailed(err)
	}
	defer draft.Close()
	if err := d.source.Zip(ctx, v, draft); err != nil {
		if osfile.IsNoSpace(err) {
			return "", l.diskFailed(err)
		}
		return "", err
	}
	sum, err := l.verify(ctx, d, v, draft.File, sums)
	if err != nil {
		return "", err
	}
	if err := draft.Keep(zipKey(d, v, sum)); err != nil {
		return "", l.diskFailed(err)
	}
	l.o.Watch.Found("zip", "upstream")
	if f, ok := l.o.Zips.Get(zipKey(d, v, sum)); ok {
		l.storeLater(ctx, d, v, sum, f)
	}
	return sum, nil
}

// verify checks that a file is the zip of a version, and returns its hash, which is the proven one.
func (l zips) verify(ctx context.Context, d *domain, v module.Version, file *os.File, sums shelf.Sums) (string, error) {
	sum, err := shelf.HashZip(v, file)
	if err != nil { // a page that says "log in", or a part of a zip
		return "", &upstream.Error{Kind: upstream.Outage, Source: d.source.String(), What: v.String(), Err: err}
	}
	if sums.Sum != "" && sum != sums.Sum {
		return "", refused(v.String(), &shelf.SumError{Module: v, Got: sum, Want: sums.Sum})
	}
	if d.db == nil {
		if err := l.checkGoMod(ctx, v, file); err != nil {
			return "", err
		}
	}
	if sums.Sum == "" { // private, and seen for the first time
		first := shelf.Sums{Sum: sum}
		if err := l.first(ctx, d.shelf.Sum(v), v.String(), first.Encode()); err != nil {
			return "", err
		}
		l.o.Memo.Put(v.Path, "sum "+v.String(), memo.Entry{Data: first.Encode()}, memo.Forever)
	}
	return sum, nil
}

// checkGoMod compares the go.mod in a zip with the one that is served by itself, where no checksum
// database has signed both: go commands choose versions by one and build with the other. A zip
// without a go.mod may have any.
func (l zips) checkGoMod(ctx context.Context, v module.Version, file *os.File) error {
	st, err := file.Stat()
	if err != nil {
		return err
	}
	inside, ok, err := shelf.GoMod(v, file, st.Size())
	if err != nil || !ok || v.Path == toolchain {
		return err
	}
	alone, err := l.Mod(ctx, v)
	if err != nil {
		return err
	}
	if !bytes.Equal(inside, alone.Data) {
		return refused(v.String(), &goModError{modcache.GoModSum(alone.Data), modcache.GoModSum(inside)})
	}
	return nil
}

// goModError says that the .mod of a version is not the go.mod in its zip.
type goModError struct{ alone, inside string }

func (e *goModError) Error() string {
	return fmt.Sprintf("its .mod has the hash %s, and the go.mod in its zip %s", e.alone, e.inside)
}

// storeModule stores the module object of a zip. Restores need its .mod, and like to have its
// .info. Whatever takes the memory of an object is done within; finding the two files is not, since
// that may wait for such memory.
func (l zips) storeModule(ctx context.Context, d *domain, v module.Version, sum string, f *zipcache.File, within func(do func() error) error) error {
	has, err := d.shelf.Has(ctx, v, sum)
	l.storeFailed("read", err)
	if err == nil && has {
		err = within(func() error {
			has = l.readable(ctx, d, v, sum)
			return nil
		})
	}
	if err != nil || has {
		return err
	}
	m := shelf.Module{Version: v, Sum: sum, Zip: f, Size: f.Size}
	a, err := l.info(ctx, v)
	if err != nil && !upstream.IsAbsent(err) {
		return err
	}
	m.Info = a.Data
	if v.Path != toolchain {
		a, err := l.Mod(ctx, v)
		if err != nil {
			return err
		}
		m.Mod = a.Data
	}
	return within(func() error {
		err := d.shelf.PutModule(ctx, m)
		if errors.Is(err, store.ErrReadOnly) {
			return nil
		}
		l.storeFailed("write", err)
		return err
	})
}

// atOnce is for storeModule where the tasks themselves are as few as there is memory for.
func atOnce(do func() error) error { return do() }

// readable reports whether a module object that is there is not known to be damaged. It is there
// although the zip had to be fetched: then it could not be read, or the hash was not known yet.
func (l zips) readable(ctx context.Context, d *domain, v module.Version, sum string) bool {
	err := d.shelf.VerifyStored(ctx, v, sum)
	return err == nil || store.IsFailure(err)
}
