// Package checksumdb asks the checksum database of the go command (sum.golang.org, or what GOSUMDB
// names) whether a module version has the hash that somebody claims. It decides where to ask as
// cmd/go/internal/modfetch of go1.26 does, with the client of golang.org/x/mod/sumdb, which
// believes only what is proven by the tree that the database has signed.
//
// It first uses the answers that the go command has kept in GOMODCACHE. They contain their proof,
// so even answers that came with the modules in a snapshot can be trusted, and mostly no request is
// needed.
//
// Unlike the go command it sends no requests with GOPROXY=off, does not read .netrc, and does not
// write GOPATH/pkg/sumdb, which has the newest known tree.
package checksumdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// Errors of Check.
var (
	// ErrRefused means that the database has another hash of the module version, or none.
	ErrRefused = errors.New("checksum database")
	// ErrNotCovered means that GONOSUMDB or GOPRIVATE exclude the module from the database.
	ErrNotCovered = errors.New("not in the care of a checksum database")
	// ErrUnavailable means that the database did not answer, or is not asked at all.
	ErrUnavailable = errors.New("checksum database does not answer")
	// ErrUnknown means that the database answered, and has no hash of the module version. It comes
	// with ErrRefused.
	ErrUnknown = errors.New("does not know")
)

// errNotAsked means that the settings forbid to ask the database.
var errNotAsked = errors.New("no checksum database is asked")

func notAsked(why string) error { return fmt.Errorf("%w: %s", errNotAsked, why) }

// unavailable makes of a cause an error that wraps ErrUnavailable. Of a database that is not asked
// it does not say that it gives no answer.
func unavailable(cause error) error {
	if errors.Is(cause, errNotAsked) {
		return &unasked{cause}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}

type unasked struct{ error }

func (u *unasked) Is(target error) bool { return target == ErrUnavailable }
func (u *unasked) Unwrap() error        { return u.error }

// Options are settings of the go command.
type Options struct {
	GOSUMDB, GONOSUMDB, GOPROXY string
	// LatestDir is GOPATH/pkg/sumdb, where the go command keeps the newest known tree, or "".
	LatestDir string
	// Offline sends no request: only answers that were kept count.
	Offline bool
	// Client sends the requests. If it is nil, a client with a timeout of some seconds does.
	Client *http.Client
}

// Timeouts of the default client.
const (
	connectTimeout = 5 * time.Second
	requestTimeout = 10 * time.Second
)

// DB is one checksum database. Safe for concurrent use.
type DB struct {
	o    Options
	off  error // why it cannot be asked
	name string
	key  string
	base *url.URL // GOSUMDB says where it is; nil: to be found out
}

// toolchain is the module that is never in go.sum, so that the go command always asks the database
// for it.
const toolchain = "golang.org/toolchain"

// known are the keys that are built into the go command.
var known = map[string]string{
	"sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
}

// New reads the settings. It sends no request. If the settings are invalid or switch the database
// off, every Check returns ErrUnavailable.
func New(o Options) *DB {
	if o.Client == nil {
		o.Client = defaultClient()
	}
	db := &DB{o: o}
	db.off = db.configure(strings.TrimSpace(o.GOSUMDB))
	return db
}

func (db *DB) configure(setting string) error {
	switch setting {
	case "off":
		return notAsked("GOSUMDB=off")
	case "":
		setting = "sum.golang.org"
	case "sum.golang.google.cn":
		setting = "sum.golang.org https://sum.golang.google.cn"
	}
	f := strings.Fields(setting)
	if len(f) > 2 {
		return notAsked("invalid GOSUMDB: too many fields")
	}
	db.key = cmp.Or(known[f[0]], f[0])
	v, err := note.NewVerifier(db.key)
	if err != nil {
		return fmt.Errorf("invalid GOSUMDB: %w", err)
	}
	db.name = v.Name()
	if len(f) == 2 {
		if db.base, err = url.Parse(f[1]); err != nil {
			return errors.New("invalid GOSUMDB: its URL does not parse")
		}
	}
	return checkHost(db.name)
}

func defaultClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSHandshakeTimeout = connectTimeout
	t.DialContext = dialer.DialContext
	return &http.Client{Transport: t, Timeout: requestTimeout}
}

// checkHost checks that the name of a database is host[/path], since it becomes part of a URL and
// of a directory.
func checkHost(name string) error {
	u, err := url.Parse("https://" + name)
	if err != nil || strings.HasSuffix(name, "/") || u.Host == "" || u.RawPath != "" || *u != (url.URL{Scheme: "https", Host: u.Host, Path: u.Path}) {
		return fmt.Errorf("invalid GOSUMDB: name %q is not host[/path]", name)
	}
	return nil
}

// A Session is the checks of one run. It remembers the answers of the database. A failure is that
// of one module; once the database cannot be reached, or has failed several times in a row, it is
// asked no more. A Session is safe for concurrent use.
type Session struct {
	db     *DB
	kept   kept
	remote *remote
	cached *ops // also uses kept answers
	fresh  *ops // does not
}

// Session begins a session. Its requests end with ctx. It looks for kept answers in cacheDir, which
// is GOMODCACHE/cache/download/sumdb, and passes new ones to keep, with their names relative to
// cacheDir.
func (db *DB) Session(ctx context.Context, cacheDir string, keep func(name string, data []byte)) *Session {
	r := &remote{ctx: ctx, db: db, missing: map[string]bool{}, failures: map[string]error{}}
	s := &Session{db: db, remote: r, kept: kept{db: db, dir: cacheDir}}
	s.cached = &ops{db: db, read: r.read, cacheDir: cacheDir, keep: keep, latestDir: db.o.LatestDir}
	s.fresh = &ops{db: db, read: r.read, keep: keep}
	s.cached.client, s.fresh.client = sumdb.NewClient(s.cached), sumdb.NewClient(s.fresh)
	return s
}

// Check reports whether the database knows the version with the h1 hash sum, and its go.mod with
// goModSum, unless that is "". It returns nil, or an error that wraps ErrRefused, ErrNotCovered or
// ErrUnavailable.
func (s *Session) Check(v module.Version, sum, goModSum string) error {
	if err := s.Covers(v); err != nil {
		return err
	}
	if err := s.check(v, sum); err != nil || goModSum == "" {
		return err
	}
	return s.check(module.Version{Path: v.Path, Version: v.Version + "/go.mod"}, goModSum)
}

// Covers returns why the database is not asked about a version: ErrNotCovered, or ErrUnavailable if
// it is switched off.
func (s *Session) Covers(v module.Version) error {
	if v.Path != toolchain && module.MatchPrefixPatterns(s.db.o.GONOSUMDB, v.Path) {
		return ErrNotCovered
	}
	if s.db.off != nil {
		return unavailable(s.db.off)
	}
	return nil
}

func (s *Session) check(v module.Version, sum string) error {
	switch hash, err := s.hash(v); {
	case err != nil:
		return err
	case hash != sum:
		return fmt.Errorf("%w %s: the hash of %s %s is %s, not %s", ErrRefused, s.db.name, v.Path, v.Version, hash, sum)
	}
	return nil
}

// Sums returns the h1 hashes that the database has of a version and of its go.mod; the latter is ""
// for a toolchain. Its errors are those of Check.
func (s *Session) Sums(v module.Version) (sum, goModSum string, err error) {
	if err := s.Covers(v); err != nil {
		return "", "", err
	}
	if sum, err = s.hash(v); err != nil || v.Path == toolchain {
		return sum, "", err
	}
	goModSum, err = s.hash(module.Version{Path: v.Path, Version: v.Version + "/go.mod"})
	return sum, goModSum, err
}

// IsPublic reports whether the database has been asked about a version before, by the go command
// too, or knows it anyhow: asking tells nobody a name that is private.
func (s *Session) IsPublic(v module.Version) bool {
	file, err := LookupFile(v)
	if err != nil || v.Path == toolchain {
		return err == nil
	}
	st, err := os.Stat(filepath.Join(s.kept.dir, filepath.FromSlash(s.db.name), filepath.FromSlash(file)))
	return s.kept.dir != "" && err == nil && st.Mode().IsRegular()
}

// Stopped is why the database is asked no more; nil if it is, or was not to be asked at all.
func (s *Session) Stopped() error {
	err := s.remote.failed()
	if errors.Is(err, errNotAsked) {
		return nil
	}
	return err
}

// Lookup returns the h1 hash that the database has of a version. It returns an error that wraps
// ErrRefused, ErrNotCovered or ErrUnavailable; ErrUnknown beside ErrRefused if the database does
// not know the version.
func (s *Session) Lookup(v module.Version) (string, error) {
	if err := s.Covers(v); err != nil {
		return "", err
	}
	return s.hash(v)
}

// hash returns what the database says of a version, or of its go.mod.
func (s *Session) hash(v module.Version) (string, error) {
	lines, err := s.kept.lookup(v)
	if err != nil {
		lines, err = s.cached.client.Lookup(v.Path, v.Version)
	}
	if err != nil && !s.isAnswer(v) {
		// An error in kept answers decides nothing: they may come from the same source as what is
		// checked.
		lines, err = s.fresh.client.Lookup(v.Path, v.Version)
	}
	if err != nil {
		return "", s.failed(v, err)
	}
	hash := H1(lines, v)
	if hash == "" {
		err = fmt.Errorf("%w %s: it %w %s %s", ErrRefused, s.db.name, ErrUnknown, v.Path, v.Version)
	}
	return hash, err
}

// isAnswer reports whether a lookup failed because of an answer of the database.
func (s *Session) isAnswer(v module.Version) bool {
	return s.remote.isMissing(lookupPath(v)) || s.cached.forked.Load()
}

// failed converts an error of the client, which does not wrap its causes, into one of those that
// Check documents.
func (s *Session) failed(v module.Version, err error) error {
	if s.remote.isMissing(lookupPath(v)) {
		return fmt.Errorf("%w %s: it %w %s %s", ErrRefused, s.db.name, ErrUnknown, v.Path, v.Version)
	}
	if cause := s.remote.cause(err); cause != nil && !s.cached.forked.Load() && !s.fresh.forked.Load() {
		return unavailable(cause)
	}
	return fmt.Errorf("%w %s: %w", ErrRefused, s.db.name, err) // it answered, and proved nothing
}

func lookupPath(v module.Version) string {
	file, _ := LookupFile(module.Version{Path: v.Path, Version: strings.TrimSuffix(v.Version, "/go.mod")})
	return "/" + file
}
