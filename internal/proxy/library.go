// Package proxy serves modules by the protocol of module proxies (GOPROXY) out of a store, and asks
// upstreams for what is not there.
//
// Library finds what is asked for: in memory, in the store, upstream, in this order. Server speaks
// HTTP. What comes from an upstream is verified before it is stored or served as a version: public
// modules against the checksum database, private ones against what was seen first.
//
// However many clients wait for the same thing, it is looked for once, and that does not end with
// the client that began it.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/sync/singleflight"

	"github.com/org/gocache-action/internal/proxy/checksums"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
	"github.com/org/gocache-action/internal/store"
)

// Options are what a Library is made of. All fields up to Watch but DB must be set, and Public and
// PrivateSource even with Offline.
type Options struct {
	Store       store.Store
	Repo, Scope string // under which private modules are stored
	Private     string // patterns as in GOPRIVATE
	// Public is asked for public modules, PrivateSource for private ones. Names of private modules
	// go to no other source.
	Public, PrivateSource upstream.Source
	// DB decides which hashes public modules have. Without one, what was seen first decides, as for
	// private ones.
	DB    *checksums.DB
	Zips  *zipcache.Cache
	Memo  *memo.Memo
	Log   *slog.Logger
	Watch Watcher

	Offline bool
	// AskDB says that the checksum database is asked with Offline, too.
	AskDB             bool
	ListTTL           time.Duration // of lists, and of what queries mean; 0: they are not relied on
	AbsentTTL         time.Duration // the same of absences
	FlightTime        time.Duration // that one look-up may take
	TouchAfter        time.Duration // objects are renewed when they are used, but not more often
	ConcurrentObjects int           // made or read at once; 0: as many as there are cores, at most 4
	// StoreDelay is how long what was fetched may wait to be stored while other versions are being
	// fetched: clients wait for those, and for nothing that is stored. Then of too many that wait
	// some are not stored, until they are used again. 0: they are stored at once, all of them.
	StoreDelay time.Duration
}

// A Watcher counts what happens. All methods are safe for concurrent use.
type Watcher interface {
	// Found says where something that was asked for came from.
	Found(what, where string)
	// Asked says how an upstream answered, and how long that took.
	Asked(source, what string, kind string, took time.Duration)
	// StoreFailed says that the store did not do what it should.
	StoreFailed(op string)
	// DiskFailed says that the local disk did not take a zip.
	DiskFailed()
}

// Library finds modules. Safe for concurrent use.
type Library struct {
	*core
	files
	zips
	answers
}

// core is what the parts of a Library have in common.
type core struct {
	o                         Options
	public, private, unproven domain
	flights                   singleflight.Group
	making                    chan struct{} // module objects that are read
	pulling                   chan struct{} // zips that come from an upstream
	looking                   atomic.Int64  // flights
	disk                      *localDisk
	lines                     *Seldom

	ctx  context.Context // of everything that outlives a request
	stop context.CancelFunc
	*background

	down atomic.Int64 // Unix nanoseconds until which the store is not asked: it did not answer
}

// domain is where modules come from and where they lie.
type domain struct {
	name   string
	shelf  *shelf.Shelf
	source upstream.Source
	db     *checksums.DB // nil: what was seen first is right

	down atomic.Int64 // Unix nanoseconds until which the source is not waited for: it did not answer
}

// NewLibrary returns a Library. The caller must call Close.
func NewLibrary(o Options) *Library {
	if o.ConcurrentObjects == 0 {
		o.ConcurrentObjects = min(4, runtime.GOMAXPROCS(0))
	}
	l := &core{o: o, making: make(chan struct{}, o.ConcurrentObjects), pulling: make(chan struct{}, maxPulls)}
	l.lines = &Seldom{}
	l.disk = &localDisk{passing: make(chan struct{}, maxPassing)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.background = newBackground(o)
	l.public = domain{
		name: "public", source: watched{o.Public, o.Watch}, db: o.DB,
		shelf: &shelf.Shelf{Store: o.Store},
	}
	l.private = domain{
		name: "private", source: watched{o.PrivateSource, o.Watch},
		shelf: &shelf.Shelf{Store: o.Store, Private: true, Repo: o.Repo, Scope: o.Scope},
	}
	l.unproven = domain{name: "unproven", source: l.public.source, shelf: l.private.shelf}
	f := files{l}
	return &Library{core: l, files: f, zips: zips{f}, answers: answers{f}}
}

// Close ends everything that goes on.
func (l *core) Close() {
	l.stop()
	l.background.close()
}

// Local returns a Library that finds what this one has in its store and on disk, and asks nobody
// but the checksum database. It remembers no absence, for what is not there now may be there soon.
func (l *Library) Local() *Library {
	o := l.o
	o.Offline, o.AskDB, o.AbsentTTL, o.ListTTL = true, !o.Offline, 0, time.Second
	o.Memo = memo.New(8<<20, time.Now)
	local := NewLibrary(o)
	local.disk, local.lines = l.disk, l.lines
	return local
}

// Info returns the .info of a version, or of what another query means.
func (l *Library) Info(ctx context.Context, path, query string) (Answer, error) {
	if !upstream.IsVersion(path, query) {
		return l.query(ctx, path, query)
	}
	return l.info(ctx, module.Version{Path: path, Version: query})
}

// IsPrivate reports whether a module is private.
func (l *core) IsPrivate(path string) bool {
	return module.MatchPrefixPatterns(l.o.Private, path)
}

// domain is where a module belongs. Public modules that nothing proves are not stored where all
// share them.
func (l *core) domain(path string) *domain {
	switch {
	case l.IsPrivate(path):
		return &l.private
	case l.o.DB == nil:
		return &l.unproven
	}
	return &l.public
}

// Answer is a small file.
type Answer struct {
	Data  []byte
	Fixed bool      // it never changes
	Stale bool      // it may have changed, and nobody could be asked
	Read  time.Time // when it was found out; zero: not known
}

// Bounds of what goes on at the same time. Look-ups go on without the clients that began them, so
// that the number of clients is no bound.
const (
	maxFlights = 2000
	maxPulls   = 32
	// tryAgain is when clients may come again that were turned away.
	tryAgain = 10 * time.Second
)

// fly calls find once for all that ask for the same key at the same time. find goes on when a
// caller goes away.
func fly[T any](ctx context.Context, l *core, key string, find func(context.Context) (T, error)) (T, error) {
	ch := l.flights.DoChan(key, func() (any, error) {
		defer l.looking.Add(-1)
		if l.looking.Add(1) > maxFlights {
			return nil, &upstream.Error{Kind: upstream.Busy, Source: "proxy", What: key, After: tryAgain, Err: errors.New("too many look-ups")}
		}
		ctx, cancel := context.WithTimeout(l.ctx, l.o.FlightTime)
		defer cancel()
		return find(ctx)
	})
	select {
	case r := <-ch:
		v, _ := r.Val.(T)
		return v, r.Err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func refused(what string, err error) error {
	return &upstream.Error{Kind: upstream.Refused, Source: "verification", What: what, Err: err}
}

// remembered returns an answer or a failure from memory.
func (l *core) remembered(what, key string) (memo.Entry, bool) {
	e, ok := l.o.Memo.Get(key)
	if ok {
		l.o.Watch.Found(what, "memory")
	}
	return e, ok
}

// rememberAbsence keeps a failure for a while, if it is that something does not exist.
func (l *core) rememberAbsence(path, key string, err error) {
	if upstream.IsAbsent(err) && l.o.AbsentTTL > 0 {
		l.o.Memo.Put(path, key, memo.Entry{Err: err}, l.o.AbsentTTL)
	}
}

// Forget drops what is remembered of a module and can change: lists, what queries mean, absences.
func (l *core) Forget(path string) { l.o.Memo.Forget(path) }

// watched tells a Watcher how a source answers.
type watched struct {
	upstream.Source
	w Watcher
}

func (s watched) tell(what string, begin time.Time, err error) {
	kind := "ok"
	if err != nil {
		kind = [...]string{"outage", "absent", "forbidden", "busy", "refused"}[upstream.KindOf(err)]
	}
	s.w.Asked(s.String(), what, kind, time.Since(begin))
}

func (s watched) List(ctx context.Context, path string) (data []byte, err error) {
	defer func(t time.Time) { s.tell("list", t, err) }(time.Now())
	return s.Source.List(ctx, path)
}

func (s watched) Latest(ctx context.Context, path string) (data []byte, err error) {
	defer func(t time.Time) { s.tell("latest", t, err) }(time.Now())
	return s.Source.Latest(ctx, path)
}

func (s watched) Info(ctx context.Context, path, query string) (data []byte, err error) {
	defer func(t time.Time) { s.tell("info", t, err) }(time.Now())
	return s.Source.Info(ctx, path, query)
}

func (s watched) Mod(ctx context.Context, v module.Version) (data []byte, err error) {
	defer func(t time.Time) { s.tell("mod", t, err) }(time.Now())
	return s.Source.Mod(ctx, v)
}

func (s watched) Zip(ctx context.Context, v module.Version, w upstream.Spool) (err error) {
	defer func(t time.Time) { s.tell("zip", t, err) }(time.Now())
	return s.Source.Zip(ctx, v, w)
}

var errNotVerifiable = errors.New("the checksum database does not know it; if it is private, its pattern has to be among the private ones")
