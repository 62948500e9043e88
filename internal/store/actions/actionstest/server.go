// Package actionstest is a cache service like that of GitHub Actions, in memory, for tests: the
// Twirp methods of version 2, and blobs as Azure has them. It is strict where the service is, and
// can be told to behave as badly: lookups that lag behind and go backwards, URLs that expire,
// entries that are removed, reservations that nobody finishes, rate limits, answers that get lost.
//
// A test of package actions lets the client of GitHub itself save to it and restore from it.
package actionstest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Permissions of a Grant.
const (
	Read  = 1
	Write = 2
)

// A Grant is what a token allows in a scope.
type Grant struct {
	Scope      string
	Permission int
}

// Token returns a token with grants, in the order in which scopes are looked through. Nothing but
// their claims matters.
func Token(grants ...Grant) string {
	access, _ := json.Marshal(grants)
	payload, _ := json.Marshal(map[string]string{"ac": string(access)})
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(payload) + "." + part([]byte("signature"))
}

// Branch is the token of a job on a branch, which reads that of the default branch, too.
func Branch(own, main string) string {
	grants := []Grant{{own, Read | Write}}
	if main != own {
		grants = append(grants, Grant{main, Read})
	}
	return Token(grants...)
}

// Kinds of requests.
const (
	Lookup   = "LOOKUP"
	Create   = "CREATE"
	Finalize = "FINALIZE"
	Get      = "GET"
	PutBlob  = "BLOB"
	PutBlock = "BLOCK"
	PutList  = "LIST"
	Copy     = "COPY" // of a block
)

// A Request is shown to hooks.
type Request struct {
	N    int // from 1, in the order of their arrival
	Kind string
	Key  string // of the entry; of a lookup, the first one
}

// A Fault is what happens to a request. The zero value is none.
type Fault struct {
	Status int           // answered instead of doing it
	Drop   bool          // the connection ends, and nothing is done
	Lost   bool          // it is done, and the connection ends instead of an answer
	Cut    int           // bytes after which the body of a download ends; 0: it does not
	Delay  time.Duration // before anything else
	Hang   bool          // nothing happens until the client gives up
}

// Server is the service. Its methods are safe for concurrent use.
type Server struct {
	URL  string
	http *httptest.Server

	mu       sync.Mutex
	entries  []*entry
	signed   map[string]signature
	counts   map[string]int
	n, ids   int
	lag      time.Duration
	urlTime  time.Duration
	throttle int           // how many requests of the service are refused
	after    time.Duration // what these are told
	fault    func(Request) Fault
	noCopies bool
	storage  func(id int) string // another server that keeps the content, by signed URLs
	hidden   func(key string) bool
	limits   map[string]int // of requests of a kind in a minute; 0: none
	recent   map[string][]time.Time
	loose    bool // going beyond the limits is no mistake of the client
	problems []string
}

// entry is a reservation, and an entry when it is finalized.
type entry struct {
	id                  int
	scope, key, version string
	blocks              map[string][]byte // uncommitted
	listed              map[string][]byte // those that the content consists of
	content             []byte
	committed           bool // the blob
	finalized, accessed time.Time
}

// signature is what a signed URL is for.
type signature struct {
	entry   *entry
	write   bool
	expires time.Time
}

// New starts a server that ends with the test. If the client does anything that the service does
// not allow, the test fails.
func New(t testing.TB) *Server {
	s := Start()
	t.Cleanup(func() {
		for _, p := range s.Close() {
			t.Error(p)
		}
	})
	return s
}

// Start starts a server, which the caller has to close.
func Start() *Server {
	s := &Server{signed: map[string]signature{}, counts: map[string]int{}, urlTime: 10 * time.Minute}
	s.limits, s.recent = map[string]int{Create: 200, Lookup: 1500}, map[string][]time.Time{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /twirp/github.actions.results.api.v1.CacheService/{method}", twirp{s}.serveTwirp)
	mux.HandleFunc("/blob/", storage{s}.serveBlob)
	rest{s}.serve(mux)
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL + "/"
	return s
}

// Close ends the server, and returns what its clients did that the service does not allow.
func (s *Server) Close() (problems []string) {
	s.http.CloseClientConnections()
	s.http.Close()
	s.set(func() { problems = s.problems })
	return problems
}

// SetLag makes lookups lag behind by up to d, each by another time, so that they go backwards.
func (s *Server) SetLag(d time.Duration) { s.set(func() { s.lag = d }) }

// Hide makes lookups not see entries, as if these lagged behind for longer than anybody waits; nil:
// they see all.
func (s *Server) Hide(which func(key string) bool) { s.set(func() { s.hidden = which }) }

// SetLimits sets how many entries may be made and looked up in a minute; 0: any number. Without it
// these are the limits of GitHub, and going beyond them fails the test.
func (s *Server) SetLimits(creates, lookups int) {
	s.set(func() { s.limits, s.loose = map[string]int{Create: creates, Lookup: lookups}, true })
}

// SetURLTime sets how long signed URLs last that are made from now on.
func (s *Server) SetURLTime(d time.Duration) { s.set(func() { s.urlTime = d }) }

// ExpireURLs makes all signed URLs for reading expire.
func (s *Server) ExpireURLs() {
	s.set(func() {
		for text, sig := range s.signed {
			if !sig.write {
				sig.expires = time.Time{}
				s.signed[text] = sig
			}
		}
	})
}

// Throttle answers the next n requests of the service with 429.
func (s *Server) Throttle(n int, after time.Duration) {
	s.set(func() { s.throttle, s.after = n, after })
}

// SetFault sets a hook that decides what goes wrong; nil: nothing does.
func (s *Server) SetFault(f func(Request) Fault) { s.set(func() { s.fault = f }) }

// SetStorage lets another server keep the content of entries: blob returns a signed URL for one.
func (s *Server) SetStorage(blob func(id int) string) { s.set(func() { s.storage = blob }) }

// RefuseCopies makes copies of blocks fail, as servers that are not Azure's do.
func (s *Server) RefuseCopies() { s.set(func() { s.noCopies = true }) }

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Evict removes the entries for which which is true, and returns how many these were.
func (s *Server) Evict(which func(key string) bool) (n int) {
	s.set(func() {
		s.entries = slices.DeleteFunc(s.entries, func(e *entry) bool {
			gone := !e.finalized.IsZero() && which(e.key)
			if gone {
				n++
				e.content, e.committed = nil, false
			}
			return gone
		})
	})
	return n
}

// Reserve reserves a key that nobody finishes.
func (s *Server) Reserve(scope, key, version string) {
	s.set(func() { reserve(s, scope, key, version) })
}

// Damage changes a byte of the content of entries, and returns how many these were.
func (s *Server) Damage(which func(key string) bool, at int) (n int) {
	s.set(func() {
		for _, e := range s.entries {
			if !e.finalized.IsZero() && which(e.key) && len(e.content) > 0 {
				e.content = slices.Clone(e.content)
				e.content[at%len(e.content)] ^= 0x20
				n++
			}
		}
	})
	return n
}

// Keys lists the entries of a scope, the oldest first; those of all scopes for "".
func (s *Server) Keys(scope string) (list []string) {
	s.set(func() {
		for _, e := range s.entries {
			if !e.finalized.IsZero() && (scope == "" || e.scope == scope) {
				list = append(list, e.key)
			}
		}
	})
	return list
}

// Version returns that of an entry, or "".
func (s *Server) Version(key string) (version string) {
	s.set(func() {
		for _, e := range s.entries {
			if e.key == key {
				version = e.version
			}
		}
	})
	return version
}

// Bytes sums up the content of all entries.
func (s *Server) Bytes() (n int64) {
	s.set(func() {
		for _, e := range s.entries {
			n += int64(len(e.content))
		}
	})
	return n
}

// Counts returns how many requests of each kind have come since the last call.
func (s *Server) Counts() (counts map[string]int) {
	s.set(func() { counts, s.counts = s.counts, map[string]int{} })
	return counts
}

// Requests returns how many requests have come in all.
func (s *Server) Requests() (n int) {
	s.set(func() { n = s.n })
	return n
}

// problem notes what the service would not allow, for the end of the test.
func (s *Server) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// begin counts a request, and does what the hook wants. It reports whether the request goes on, and
// what is to happen to its answer.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, kind, key string) (f Fault, ok bool) {
	s.mu.Lock()
	s.n++
	s.counts[kind]++
	req, hook := Request{s.n, kind, key}, s.fault
	s.mu.Unlock()
	if hook != nil {
		f = hook(req)
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		w.WriteHeader(f.Status)
		return f, false
	}
	return f, true
}

// sign returns a URL for the content of an entry. s.mu is held.
func (s *Server) sign(e *entry, write bool) string {
	if s.storage != nil {
		return s.storage(e.id)
	}
	text := rand.Text()
	expires := time.Now().Add(s.urlTime)
	if write {
		expires = time.Now().Add(time.Hour)
	}
	s.signed[text] = signature{e, write, expires}
	return fmt.Sprintf("%sblob/%d/archive?sv=2024-08-04&sig=%s%%2B%%3D", s.URL, e.id, text)
}

// reserve makes an entry, or returns nil if there is one. s.mu is held.
func reserve(s *Server, scope, key, version string) *entry {
	for _, e := range s.entries {
		if e.scope == scope && e.key == key && e.version == version {
			return nil
		}
	}
	s.ids++
	e := &entry{id: s.ids, scope: scope, key: key, version: version, blocks: map[string][]byte{}}
	s.entries = append(s.entries, e)
	return e
}
