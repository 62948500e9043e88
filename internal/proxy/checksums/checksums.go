// Package checksums passes a checksum database on to clients, keeps what it has signed, and asks it
// which hashes a module version has.
//
// What its signatures prove is kept in the store for ever: answers about versions, and the tiles of
// the tree that prove them, so that both can be passed on, and checked, when the database cannot be
// asked. What was only passed on is kept in memory for a while.
package checksums

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/singleflight"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy/later"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Limits.
const (
	maxAnswer   = 1 << 20
	requestTime = time.Minute
	// lookupsOfClient is how many versions one client is asked about: it keeps all tiles that it
	// has seen.
	lookupsOfClient = 500
)

// Options are settings of a DB.
type Options struct {
	Identity checksumdb.Identity
	// Upstreams are asked first, as the go command asks the elements of GOPROXY, whether they pass
	// the database on.
	Upstreams []goproxy.Element
	Client    *http.Client
	Store     store.Store
	Memo      *memo.Memo
	Latest    time.Duration // how long the newest tree is believed to be the newest
	Offline   bool
	// Partial says that the tiles at the edge of the tree are kept as well, for a proxy that cannot
	// ask for later ones. Else they would pile up: the edge moves every few seconds.
	Partial bool
	// Failed is told of failures of the store, which cost nothing but time.
	Failed func(op string, err error)
}

// DB is a checksum database. Safe for concurrent use.
type DB struct {
	o       Options
	flights singleflight.Group
	writes  *later.Queue // of what is kept

	mu     sync.Mutex
	base   *upstream.HTTP // nil: not found out yet
	client *client
}

// How many files are kept at once, and may wait for that.
const writers, maxWaiting = 8, 1000

// New returns a DB. It sends no request. The caller must call Close.
func New(o Options) *DB {
	db := &DB{o: o, writes: later.New(later.Options{Workers: writers, Limit: maxWaiting})}
	if o.Identity.Base != nil {
		db.base = &upstream.HTTP{Base: o.Identity.Base, Client: o.Client}
	}
	return db
}

// Wait waits until all that is to be kept is stored, at most until ctx ends.
func (db *DB) Wait(ctx context.Context) { db.writes.Wait(ctx) }

// Close ends what is being stored.
func (db *DB) Close() { db.writes.Close() }

// Name is that of the database.
func (db *DB) Name() string { return db.o.Identity.Name }

// kind of a file of a database.
type kind int

const (
	unknown kind = iota
	fixed        // never changes, and is worth keeping
	partial      // never changes, and is soon replaced by more
	newest       // changes
)

// kindOf tells the kind of a file by its path below the database. Nothing else is asked for or
// stored, whatever clients ask for.
func kindOf(file string) kind {
	if file == "latest" {
		return newest
	}
	if rest, ok := strings.CutPrefix(file, "lookup/"); ok {
		if _, err := ParseLookup(rest); err == nil {
			return fixed
		}
		return unknown
	}
	t, err := tlog.ParseTilePath(file)
	switch {
	case err != nil:
		return unknown
	case t.W != 1<<t.H:
		return partial
	}
	return fixed
}

// ParseLookup reads what follows lookup/.
func ParseLookup(text string) (module.Version, error) {
	path, version, ok := strings.Cut(text, "@")
	if !ok {
		return module.Version{}, errors.New("no version")
	}
	p, err := module.UnescapePath(path)
	if err != nil {
		return module.Version{}, err
	}
	v, err := module.UnescapeVersion(version)
	if err == nil && !upstream.IsVersion(p, v) {
		err = fmt.Errorf("version %.100q", v)
	}
	return module.Version{Path: p, Version: v}, err
}

// File returns a file of the database, by its path below it. stale says that it may have changed,
// but nobody could be asked.
func (db *DB) File(ctx context.Context, file string) (data []byte, stale bool, err error) {
	k := kindOf(file)
	if k == unknown {
		return nil, false, &upstream.Error{Kind: upstream.Absent, Source: db.Name(), What: file}
	}
	if data, ok := db.kept(ctx, file, k); ok {
		return data, false, nil
	}
	data, err = db.fetch(ctx, file, k)
	if err != nil && k != fixed && upstream.IsOutage(err) {
		if data, ok := db.stored(ctx, file); ok {
			return data, k == newest, nil
		}
	}
	return data, false, err
}

// kept returns what is remembered, or stored and cannot change.
func (db *DB) kept(ctx context.Context, file string, k kind) ([]byte, bool) {
	if e, ok := db.o.Memo.Get("sumdb " + file); ok {
		return e.Data, true
	}
	// Partial tiles are asked for once or never again, so that they are not worth a request to the
	// store, unless there is nobody else to ask.
	if k != fixed && !db.o.Offline {
		return nil, false
	}
	data, ok := db.stored(ctx, file)
	if ok {
		db.remember(file, data)
	}
	return data, ok
}

func (db *DB) stored(ctx context.Context, file string) ([]byte, bool) {
	data, err := shelf.Get(ctx, db.o.Store, db.object(file))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		db.o.Failed("read", err)
	}
	return data, err == nil
}

func (db *DB) object(file string) shelf.Name {
	return shelf.SumDB(snapshot.SumDBObject(db.Name(), file))
}

// fetch asks the database, once however many ask at the same time. The answer is remembered for a
// moment only: it proves nothing yet.
func (db *DB) fetch(ctx context.Context, file string, k kind) ([]byte, error) {
	ch := db.flights.DoChan(file, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
		defer cancel()
		data, err := db.ask(ctx, file)
		if err != nil {
			return nil, err
		}
		if k == newest {
			if err := db.keepNewest(data); err != nil {
				return nil, err
			}
		}
		db.o.Memo.Put("sumdb", "sumdb "+file, memo.Entry{Data: data, Unproven: true}, db.o.Latest)
		return data, nil
	})
	select {
	case r := <-ch:
		data, _ := r.Val.([]byte)
		return data, r.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// keepNewest stores a tree if the database has signed it.
func (db *DB) keepNewest(data []byte) error {
	verifier, err := note.NewVerifier(db.o.Identity.Key)
	if err == nil {
		_, err = note.Open(data, note.VerifierList(verifier))
	}
	if err != nil {
		return &upstream.Error{Kind: upstream.Outage, Source: db.Name(), What: "latest", Err: err}
	}
	db.keep("latest", data)
	return nil
}

// keep stores a file that is proven to be right. Nobody waits for that.
func (db *DB) keep(file string, data []byte) {
	write := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		if err := shelf.Put(ctx, db.o.Store, db.object(file), data); err != nil {
			db.o.Failed("write", err)
		}
	}
	if !db.writes.Try(write) {
		write(context.Background())
	}
}

// remember keeps a file that is proven to be right in memory.
func (db *DB) remember(file string, data []byte) {
	db.o.Memo.Put("sumdb", "sumdb "+file, memo.Entry{Data: data}, memo.Forever)
}

// ask asks the database itself, or who passes it on.
func (db *DB) ask(ctx context.Context, file string) ([]byte, error) {
	if db.o.Offline {
		return nil, &upstream.Error{Kind: upstream.Absent, Source: "offline", What: db.Name() + "/" + file}
	}
	base, err := db.locate(ctx)
	if err != nil {
		return nil, err
	}
	return base.Raw(ctx, file, maxAnswer)
}

// locate finds out where the database is, as the go command does: the first upstream that passes
// it on, or else the host in its name.
func (db *DB) locate(ctx context.Context) (*upstream.HTTP, error) {
	db.mu.Lock()
	base := db.base
	db.mu.Unlock()
	if base != nil {
		return base, nil
	}
	base, err := db.search(ctx)
	if err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.base = base
	return base, nil
}

func (db *DB) search(ctx context.Context) (*upstream.HTTP, error) {
	for _, e := range db.o.Upstreams {
		if e.Name == "direct" || e.Name == "off" {
			break
		}
		u, err := url.Parse(e.Name)
		if err != nil {
			return nil, err
		}
		h := &upstream.HTTP{Base: u.JoinPath("sumdb", db.Name()), Client: db.o.Client}
		_, err = h.Raw(ctx, "supported", maxAnswer)
		if err == nil {
			return h, nil
		}
		if !upstream.IsAbsent(err) && !e.FallBack {
			return nil, err
		}
	}
	u, err := url.Parse("https://" + db.Name())
	if err != nil {
		return nil, err
	}
	return &upstream.HTTP{Base: u, Client: db.o.Client}, nil
}

// Lookup returns the answer of the database about a version, once it is proven.
func (db *DB) Lookup(ctx context.Context, v module.Version) ([]byte, error) {
	file, err := checksumdb.LookupFile(v)
	if err != nil {
		return nil, &upstream.Error{Kind: upstream.Absent, Source: db.Name(), What: v.String(), Err: err}
	}
	if e, ok := db.o.Memo.Get("sumdb " + file); ok && !e.Unproven {
		return e.Data, nil
	}
	if data, ok := db.stored(ctx, file); ok { // it was proven then
		db.remember(file, data)
		return data, nil
	}
	if _, err := db.Sums(ctx, v); err != nil {
		return nil, err
	}
	data, _, err := db.File(ctx, file)
	return data, err
}

// Sums returns the hashes that the database has proven a version to have. If it does not know the
// version, that is upstream.Absent. What contradicts what it has signed is upstream.Refused.
func (db *DB) Sums(ctx context.Context, v module.Version) (shelf.Sums, error) {
	file, err := checksumdb.LookupFile(v)
	if err != nil {
		return shelf.Sums{}, &upstream.Error{Kind: upstream.Absent, Source: db.Name(), What: v.String(), Err: err}
	}
	// Asked here first, for its errors: those of the client say less.
	if _, _, err := db.File(ctx, file); err != nil {
		return shelf.Sums{}, err
	}
	c := db.currentClient()
	lines, err := c.Lookup(v.Path, v.Version)
	if err != nil {
		db.dropClient(c) // it remembers errors
		return shelf.Sums{}, c.failed(v, err)
	}
	s := shelf.Sums{Sum: checksumdb.H1(lines, v)}
	mod := module.Version{Path: v.Path, Version: v.Version + "/go.mod"}
	if lines, err := c.Lookup(mod.Path, mod.Version); err == nil {
		s.ModSum = checksumdb.H1(lines, mod)
	}
	if s.Sum == "" {
		err := fmt.Errorf("it has no h1 hash")
		return s, &upstream.Error{Kind: upstream.Refused, Source: db.Name(), What: v.String(), Err: err}
	}
	return s, nil
}
