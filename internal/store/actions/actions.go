// Package actions keeps a store in the cache service of GitHub Actions, which every repository has.
//
// The service keeps entries: each is written once, under a key that nobody else can use then, and
// is found by its key, or as the newest one whose key has a prefix. Entries are few: 200 may be
// made in a minute in a repository, and 10 GB of them are kept. So objects that do not change go
// into bundles, which a save commits as a whole, and a manifest goes into an entry of its own, with
// a table that says where the objects lie that it names (internal/snapshot has the layout of both).
//
// A manifest is replaced by writing its next version: version N lies under a key that ends in N.
// Whoever reserves the key N+1 has met the condition that N was the last one; for another save it
// is a conflict. What lies under "latest" is the newest entry of the family, whatever its digest.
//
// GitHub keeps scopes apart: a job finds entries of its own ref, then those of the base branch of a
// pull request, then those of the default branch, and writes to its own. That is also the order in
// which a restore looks for a snapshot, so one lookup finds it.
//
// What is known of the service, beside its interface: a reservation that was not finished blocks
// its key for up to a day; lookups can lag behind by seconds or minutes, and go backwards; URLs of
// downloads last ten minutes; entries that nobody reads for seven days go, and so do those that
// were read least recently when the repository has too many.
package actions

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
	"github.com/org/gocache-action/internal/usage"
)

// Defaults of Options.
const (
	DefaultStallTimeout = 30 * time.Second
	DefaultMaxAttempts  = 5
	DefaultPatience     = time.Minute
	DefaultPause        = 250 * time.Millisecond
	DefaultBlockSize    = 8 << 20
	DefaultConcurrency  = 8
	DefaultSharedFrom   = 32 << 20
)

// Options say where the service is. The runner gives these values to actions in their environment,
// and to nothing else.
type Options struct {
	URL   string // ACTIONS_RESULTS_URL
	Token string // ACTIONS_RUNTIME_TOKEN
	Mode  string // ACTIONS_CACHE_MODE: what the workflow allows; "": everything

	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts
	// Patience is how long to wait for what another job has reserved, as lookups can lag behind.
	// Pause lies between the first two looks for it, unless there is little time, and grows then.
	// 0: DefaultPatience, DefaultPause.
	Patience, Pause time.Duration
	// BlockSize is how large the blocks of an upload are, of which Concurrency are in memory and on
	// their way at once; 0: DefaultBlockSize, DefaultConcurrency.
	BlockSize   int64
	Concurrency int
	// SharedFrom is from how many bytes of new modules on, uncompressed, a save puts them into a
	// bundle that other jobs wait for instead of storing the same; 0: DefaultSharedFrom. Fewer go
	// together with the packs, which saves an entry, and may be stored more than once.
	SharedFrom int64
	// CopiesBlocks says that the servers of blobs can copy blocks from a URL. It need not be said
	// of those of Azure.
	CopiesBlocks bool
	Trace        wire.TraceFunc // may be nil
	// Transport sends the requests; nil: package wire, with the proxy of the environment.
	Transport http.RoundTripper
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

func (o *Options) setDefaults() {
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	o.Patience = cmp.Or(o.Patience, DefaultPatience)
	o.Pause = cmp.Or(o.Pause, DefaultPause)
	o.BlockSize = cmp.Or(o.BlockSize, DefaultBlockSize)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Mode = strings.ToLower(strings.TrimSpace(o.Mode))
	o.SharedFrom = cmp.Or(o.SharedFrom, DefaultSharedFrom)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = wire.New(wire.Options{Stall: o.StallTimeout, Idle: idle})
	}
	o.Transport = wire.Traced(o.Transport, o.Trace)
}

// idle is how many connections to a server are kept open: as many as a restore reads at once.
const idle = 64

// Store is a store in the cache service. It implements store.Bundler.
type Store struct {
	reader   *reader
	editions *editions
	sessions *sessions
	host     string
	counter  *store.Counter
}

// remote is the service, with what is said about its use.
type remote struct {
	opts    Options
	service *service
	blobs   *blobs
}

// reader reads what entries have, by what is known of where objects lie. Safe for concurrent use.
type reader struct {
	*remote
	places *places // guards itself
	index  index   // guards itself
	note   store.Notepad
	opened time.Time
}

var (
	_ store.Bundler = (*Store)(nil)
	_ store.Guard   = (*Store)(nil)
	_ store.Noter   = (*Store)(nil)
)

// New returns the store of a job. It sends no request.
func New(o Options) (*Store, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage.Errorf("ACTIONS_RESULTS_URL is not an http or https URL")
	}
	if o.Token == "" {
		return nil, usage.Errorf("ACTIONS_RUNTIME_TOKEN is not set")
	}
	o.setDefaults()
	counter := new(store.Counter)
	r := &reader{
		remote: &remote{
			opts: o,
			service: &service{
				base: strings.TrimRight(o.URL, "/") + twirp, token: o.Token, http: o.Transport,
				counter: counter, attempts: o.MaxAttempts, throttle: throttle{now: o.Now},
			},
			blobs: &blobs{
				http: o.Transport, counter: counter, attempts: o.MaxAttempts, copies: o.CopiesBlocks,
				slots: make(slots, o.Concurrency), size: o.BlockSize,
			},
		},
		places: newPlaces(), index: index{turn: newTurn()}, opened: o.Now().Truncate(time.Second),
	}
	return &Store{
		reader: r, editions: newEditions(r), sessions: &sessions{reader: r},
		host: u.Host, counter: counter,
	}, nil
}

// String implements store.Store.
func (s *Store) String() string { return "actions://" + s.host }

// Requests implements store.Store.
func (s *Store) Requests() map[string]int64 { return s.counter.Requests() }

// Notes implements store.Noter.
func (s *Store) Notes() []string { return s.reader.note.Notes() }

// Writable implements store.Guard.
func (s *Store) Writable(context.Context) error {
	if err := s.reader.writable(); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// writable returns store.ErrReadOnly if the job may not write, or not read what it would add to.
func (r *remote) writable() error {
	switch {
	case r.opts.Mode == modeNone, r.opts.Mode == modeRead, r.opts.Mode == modeWriteOnly:
		return fmt.Errorf("%w: ACTIONS_CACHE_MODE is %q, and a save reads and writes", store.ErrReadOnly, r.opts.Mode)
	case !mayWrite(r.opts.Token):
		return fmt.Errorf("%w: GitHub gives this job a token that may only read caches, as it does for events that anybody can cause", store.ErrReadOnly)
	}
	return nil
}

// readable returns store.ErrNotFound if the workflow does not want caches to be read: it is as if
// there were none.
func (r *reader) readable() error {
	if r.opts.Mode == modeNone || r.opts.Mode == modeWriteOnly {
		r.note.Add(fmt.Sprintf("nothing is restored, as ACTIONS_CACHE_MODE is %q", r.opts.Mode))
		return store.ErrNotFound
	}
	return nil
}

// fail names the operation, the object and the store.
func (s *Store) fail(op, name string, err error) error {
	return store.Failed(op, name, "at", s.String(), err)
}
