package proxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/store"
)

// toolchain is a module without a go.mod that anybody wants.
const toolchain = "golang.org/toolchain"

// files finds small files of versions.
type files struct{ *core }

// small is a small file of a version.
type small struct {
	data   []byte
	proven bool // or else it may turn out to be another
}

// fixedFile finds a small file of a version: remembered, stored, or found by fetch, which verifies
// it and stores it.
func (l files) fixedFile(ctx context.Context, what string, v module.Version, n shelf.Name, fetch func(context.Context) (small, error)) (Answer, error) {
	key := what + " " + v.String()
	if e, ok := l.remembered(what, key); ok {
		return Answer{Data: e.Data, Fixed: !e.Unproven}, e.Err
	}
	found, err := fly(ctx, l.core, key, func(ctx context.Context) (small, error) {
		s := l.lookUp(ctx, n)
		if s.ok {
			l.o.Watch.Found(what, "store")
			l.o.Memo.Put(v.Path, key, memo.Entry{Data: s.data}, memo.Forever)
			return small{s.data, true}, nil
		}
		f, err := fetch(ctx)
		if err != nil {
			err = doubt(err, v.String(), s.err)
			l.rememberAbsence(v.Path, key, err)
			return f, err
		}
		keep := time.Duration(memo.Forever)
		if !f.proven {
			keep = l.o.ListTTL
		}
		l.o.Memo.Put(v.Path, key, memo.Entry{Data: f.data, Unproven: !f.proven}, keep)
		return f, nil
	})
	return Answer{Data: found.data, Fixed: found.proven}, err
}

// info returns the .info of a version.
func (l files) info(ctx context.Context, v module.Version) (Answer, error) {
	d := l.domain(v.Path)
	name := d.shelf.Info(v)
	return l.fixedFile(ctx, "info", v, name, func(ctx context.Context) (small, error) {
		f, err := l.fetchInfo(ctx, d, v)
		if err == nil && f.proven {
			l.record(name, f.data)
		}
		return f, err
	})
}

// fetchInfo asks upstream, for no hash proves an .info. Where nobody can be asked, that of the
// module object does for now: who may write modules need not be who may say what an .info is.
func (l files) fetchInfo(ctx context.Context, d *domain, v module.Version) (small, error) {
	var asked error
	if !l.o.Offline {
		data, err := d.source.Info(ctx, v.Path, v.Version)
		if err == nil {
			l.o.Watch.Found("info", "upstream")
			return small{data, true}, nil
		}
		if !upstream.IsOutage(err) {
			return small{}, err
		}
		asked = err
	}
	info, _, failed := l.fromObject(ctx, d, v)
	if _, bad := upstream.ParseInfo(v.Path, v.Version, info); info == nil || bad != nil {
		return small{}, cmp.Or(asked, absence(v.String(), failed))
	}
	l.o.Watch.Found("info", "store")
	return small{info, false}, nil
}

// fromObject returns what the module object has beside the tree, if there is one. failed says that
// the store could not say.
func (l files) fromObject(ctx context.Context, d *domain, v module.Version) (info, mod []byte, failed error) {
	sums, err := l.sums(ctx, d, v)
	if err != nil || sums.Sum == "" {
		if upstream.IsAbsent(err) {
			err = nil
		}
		return nil, nil, err
	}
	if l.storeIsDown() {
		return nil, nil, errStoreDown
	}
	if !l.begin(ctx) {
		return nil, nil, context.Cause(ctx)
	}
	defer l.end()
	info, mod, err = d.shelf.Head(ctx, v, sums.Sum)
	if err != nil {
		return nil, nil, l.unreadable(err)
	}
	return info, mod, nil
}

// begin waits for memory to read or write an object.
func (l *core) begin(ctx context.Context) bool {
	select {
	case l.making <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *core) end() { <-l.making }

// Mod returns the go.mod of a version. It never fetches a zip.
func (l files) Mod(ctx context.Context, v module.Version) (Answer, error) {
	d := l.domain(v.Path)
	return l.fixedFile(ctx, "mod", v, d.shelf.Mod(v), func(ctx context.Context) (small, error) {
		switch {
		case l.o.Offline:
			return l.storedMod(ctx, d, v)
		case d.db == nil:
			mod, err := l.fetchPrivateMod(ctx, d, v)
			return small{mod, true}, err
		}
		mod, err := l.fetchMod(ctx, d, v)
		return small{mod, true}, err
	})
}

// storedMod finds the go.mod in the module object. Where its hash is not known, it does for now:
// clients compare it with their go.sum.
func (l files) storedMod(ctx context.Context, d *domain, v module.Version) (small, error) {
	sums, err := l.sums(ctx, d, v)
	if err != nil {
		return small{}, err
	}
	_, mod, failed := l.fromObject(ctx, d, v)
	switch {
	case mod == nil:
		return small{}, absence(v.String(), failed)
	case sums.ModSum == "":
		l.o.Watch.Found("mod", "store")
		return small{mod, false}, nil
	case modcache.GoModSum(mod) != sums.ModSum:
		return small{}, refused(v.String(), modSumError(v, mod, sums))
	}
	l.o.Watch.Found("mod", "store")
	l.record(d.shelf.Mod(v), mod)
	return small{mod, true}, nil
}

func modSumError(v module.Version, mod []byte, want shelf.Sums) error {
	return &shelf.SumError{Module: module.Version{Path: v.Path, Version: v.Version + "/go.mod"}, Got: modcache.GoModSum(mod), Want: want.ModSum}
}

// fetchMod finds a go.mod that has the hash in the checksum database. If that has to be asked, an
// upstream is asked at the same time.
func (l files) fetchMod(ctx context.Context, d *domain, v module.Version) ([]byte, error) {
	defer l.fetch()()
	ask := sync.OnceValues(func() ([]byte, error) { return d.source.Mod(ctx, v) })
	if !l.knowsSums(ctx, d, v) {
		go ask()
	}
	sums, err := l.sums(ctx, d, v)
	if err != nil {
		return nil, l.unknown(ctx, d, v, err)
	}
	proven := func(mod []byte) bool { return modcache.GoModSum(mod) == sums.ModSum }
	_, mod, failed := l.fromObject(ctx, d, v)
	if mod != nil && proven(mod) {
		l.o.Watch.Found("mod", "store")
		l.record(d.shelf.Mod(v), mod)
		return mod, nil
	}
	if mod, err = ask(); err != nil {
		return nil, doubt(err, v.String(), failed)
	}
	if !proven(mod) && (v.Path != toolchain || sums.ModSum != "") {
		return nil, refused(v.String(), modSumError(v, mod, sums))
	}
	l.o.Watch.Found("mod", "upstream")
	l.record(d.shelf.Mod(v), mod)
	l.infoLater(v)
	return mod, nil
}

// unknown turns the answer that the checksum database does not know a version into the one that a
// client can do something about: either the version does not exist, or it must not be public.
func (l files) unknown(ctx context.Context, d *domain, v module.Version, err error) error {
	if !upstream.IsAbsent(err) || l.o.Offline {
		return err
	}
	if _, infoErr := l.info(ctx, v); infoErr != nil {
		return infoErr
	}
	return &upstream.Error{Kind: upstream.Forbidden, Source: d.db.Name(), What: v.String(), Err: errNotVerifiable}
}

// fetchPrivateMod finds a go.mod that is the one that was seen first.
func (l files) fetchPrivateMod(ctx context.Context, d *domain, v module.Version) ([]byte, error) {
	mod, err := d.source.Mod(ctx, v)
	if err != nil {
		return nil, err
	}
	l.o.Watch.Found("mod", "upstream")
	if _, stored, _ := l.fromObject(ctx, d, v); stored != nil && !bytes.Equal(stored, mod) {
		return nil, refused(v.String(), &goModError{modcache.GoModSum(mod), modcache.GoModSum(stored)})
	}
	return mod, l.first(ctx, d.shelf.Mod(v), v.String()+"/go.mod", mod)
}

// first records what was seen first, and refuses anything else. If the store cannot say what that
// was, nothing is certain.
func (l files) first(ctx context.Context, n shelf.Name, what string, data []byte) error {
	err := shelf.PutFirst(ctx, l.o.Store, n, data)
	var different *shelf.DifferentError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &different):
		return refused(what, err)
	case errors.Is(err, store.ErrReadOnly):
		return nil
	}
	l.storeFailed("write", err)
	return storeOutage(what, err)
}

// sums returns the hashes of a version: those that were verified before, or what the checksum
// database says. Of a private version that nobody has fetched yet nothing is known: both are "".
func (l files) sums(ctx context.Context, d *domain, v module.Version) (shelf.Sums, error) {
	key := "sum " + v.String()
	if e, ok := l.o.Memo.Get(key); ok {
		if e.Err != nil {
			return shelf.Sums{}, e.Err
		}
		return shelf.DecodeSums(e.Data)
	}
	return fly(ctx, l.core, key, func(ctx context.Context) (shelf.Sums, error) {
		s, err := l.findSums(ctx, d, v)
		if err != nil {
			l.rememberAbsence(v.Path, key, err)
			return s, err
		}
		if s.Sum != "" {
			l.o.Memo.Put(v.Path, key, memo.Entry{Data: s.Encode()}, memo.Forever)
		}
		return s, nil
	})
}

// knowsSums reports whether the hashes of a version are known, or known to be unknown.
func (l files) knowsSums(ctx context.Context, d *domain, v module.Version) bool {
	key := "sum " + v.String()
	if _, ok := l.o.Memo.Get(key); ok {
		return true
	}
	s := l.lookUp(ctx, d.shelf.Sum(v))
	if _, err := shelf.DecodeSums(s.data); !s.ok || err != nil {
		return false
	}
	l.o.Memo.Put(v.Path, key, memo.Entry{Data: s.data}, memo.Forever)
	return true
}

func (l files) findSums(ctx context.Context, d *domain, v module.Version) (shelf.Sums, error) {
	s := l.lookUp(ctx, d.shelf.Sum(v))
	if s.ok {
		return shelf.DecodeSums(s.data)
	}
	if d.db == nil || l.o.Offline && !l.o.AskDB {
		if s.err != nil {
			return shelf.Sums{}, storeOutage(v.String(), s.err)
		}
		return l.storedSums(ctx, d, v)
	}
	sums, err := d.db.Sums(ctx, v)
	if err != nil {
		return sums, doubt(err, v.String(), s.err)
	}
	l.record(d.shelf.Sum(v), sums.Encode())
	return sums, nil
}

// storedSums is for a proxy without access: if the store has exactly one module object of a
// version, that is what there is. Clients compare it with their go.sum.
func (l files) storedSums(ctx context.Context, d *domain, v module.Version) (shelf.Sums, error) {
	if !l.o.Offline {
		return shelf.Sums{}, nil
	}
	list, err := d.shelf.Stored(ctx, v.Path)
	list = slices.DeleteFunc(list, func(s shelf.Version) bool { return s.Version != v.Version })
	if err == nil && len(list) == 1 && len(list[0].Sums) > 1 {
		list, err = d.shelf.Readable(ctx, v.Path, list)
	}
	if failed := l.storeFailed("list", err); failed != nil {
		return shelf.Sums{}, storeOutage(v.String(), failed)
	}
	switch {
	case len(list) == 0:
		return shelf.Sums{}, nil
	case len(list[0].Sums) == 1:
		return shelf.Sums{Sum: list[0].Sums[0]}, nil
	}
	return shelf.Sums{}, refused(v.String(), errors.New("the store has it with more than one hash"))
}
