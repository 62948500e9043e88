// Package checksumdb asks the checksum database of the go command (sum.golang.org, or what GOSUMDB
// names) whether a module version has the hash that somebody claims. It decides where to ask as
// cmd/go/internal/modfetch of go1.26 does, with the client of golang.org/x/mod/sumdb, which
// believes nothing but what the tree that the database has signed proves.
//
// Answers that the go command has kept in GOMODCACHE are taken first. They hold their proof, so
// that what came in a snapshot together with the modules can be used, wherever it is from, and
// mostly no request is needed.
//
// Unlike the go command it does not ask the network with GOPROXY=off, does not read .netrc, and
// does not write GOPATH/pkg/sumdb, where the newest known tree is noted.
package checksumdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// Errors of Check.
var (
	// ErrRefused says that the database does not know the module version with this hash, or not at
	// all.
	ErrRefused = errors.New("checksum database")
	// ErrNotCovered says that the environment takes the module out of the database's care:
	// GONOSUMDB or GOPRIVATE.
	ErrNotCovered = errors.New("not in the care of a checksum database")
	// ErrUnavailable says that the database did not answer.
	ErrUnavailable = errors.New("checksum database does not answer")
)

// Options are what the environment of the go command says.
type Options struct {
	GOSUMDB, GONOSUMDB, GOPROXY string
	// LatestDir is GOPATH/pkg/sumdb, in which the go command notes the newest tree; "": it is not
	// known.
	LatestDir string
	// Client sends the requests; nil: one that gives up on each after some seconds.
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

// toolchain is the module that cannot be in go.sum, and for which the go command asks always.
const toolchain = "golang.org/toolchain"

// known are the keys that are part of the go command.
var known = map[string]string{
	"sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
}

// New reads the settings. It sends nothing. A database that the settings switch off, or do not name
// well, does not answer.
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
		return errors.New("GOSUMDB=off")
	case "":
		setting = "sum.golang.org"
	case "sum.golang.google.cn":
		setting = "sum.golang.org https://sum.golang.google.cn"
	}
	f := strings.Fields(setting)
	if len(f) > 2 {
		return errors.New("invalid GOSUMDB: too many fields")
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

// checkHost demands that the name of a database is host[/path], since it becomes a URL and a
// directory.
func checkHost(name string) error {
	u, err := url.Parse("https://" + name)
	if err != nil || strings.HasSuffix(name, "/") || u.Host == "" || u.RawPath != "" || *u != (url.URL{Scheme: "https", Host: u.Host, Path: u.Path}) {
		return fmt.Errorf("invalid GOSUMDB: name %q is not host[/path]", name)
	}
	return nil
}

// A Session is the checks of one run. What the database answered is remembered, and once it did not
// answer, it is not asked again. Safe for concurrent use.
type Session struct {
	db     *DB
	kept   kept
	remote *remote
	cached *ops // takes kept answers too
	fresh  *ops // does not
}

// Session begins. Requests end with ctx. Answers that are kept are looked for in cacheDir, which is
// GOMODCACHE/cache/download/sumdb; new ones are given to keep with their names relative to it.
func (db *DB) Session(ctx context.Context, cacheDir string, keep func(name string, data []byte)) *Session {
	r := &remote{ctx: ctx, db: db, missing: map[string]bool{}}
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
	if v.Path != toolchain && module.MatchPrefixPatterns(s.db.o.GONOSUMDB, v.Path) {
		return ErrNotCovered
	}
	if s.db.off != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, s.db.off)
	}
	if err := s.check(v, sum); err != nil || goModSum == "" {
		return err
	}
	return s.check(module.Version{Path: v.Path, Version: v.Version + "/go.mod"}, goModSum)
}

func (s *Session) check(v module.Version, sum string) error {
	lines, err := s.kept.lookup(v)
	if err != nil {
		lines, err = s.cached.client.Lookup(v.Path, v.Version)
	}
	if err != nil && !s.isAnswer(v) {
		// Whatever is wrong with what is kept, it may have come with what is to be checked: it
		// decides nothing.
		lines, err = s.fresh.client.Lookup(v.Path, v.Version)
	}
	if err != nil {
		return s.failed(v, err)
	}
	prefix := v.Path + " " + v.Version + " "
	for _, line := range lines {
		if hash, ok := strings.CutPrefix(line, prefix); ok && strings.HasPrefix(hash, "h1:") {
			if hash == sum {
				return nil
			}
			return fmt.Errorf("%w %s: the hash of %s %s is %s, not %s", ErrRefused, s.db.name, v.Path, v.Version, hash, sum)
		}
	}
	return fmt.Errorf("%w %s: it has no hash of %s %s", ErrRefused, s.db.name, v.Path, v.Version)
}

// isAnswer reports whether a lookup failed for what the database itself said.
func (s *Session) isAnswer(v module.Version) bool {
	return s.remote.isMissing(lookupPath(v)) || s.cached.forked.Load()
}

// failed tells what an error of the client means, which has lost its causes.
func (s *Session) failed(v module.Version, err error) error {
	if s.remote.isMissing(lookupPath(v)) {
		return fmt.Errorf("%w %s: it does not know %s %s", ErrRefused, s.db.name, v.Path, v.Version)
	}
	if down := s.remote.failed(); down != nil && !s.cached.forked.Load() && !s.fresh.forked.Load() {
		return fmt.Errorf("%w: %w", ErrUnavailable, down)
	}
	return fmt.Errorf("%w %s: %w", ErrRefused, s.db.name, err) // it answered, and proved nothing
}

func lookupPath(v module.Version) string {
	p, _ := module.EscapePath(v.Path)
	ver, _ := module.EscapeVersion(strings.TrimSuffix(v.Version, "/go.mod"))
	return "/lookup/" + p + "@" + ver
}
