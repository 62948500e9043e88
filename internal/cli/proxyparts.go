package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/proxy/checksums"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/metrics"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

// Times of the proxy that no setting changes.
const (
	flightTime = 15 * time.Minute
	touchAfter = 24 * time.Hour
	latestTime = time.Minute // of the tree of the checksum database
)

// proxyParts is what the proxy and prefetch are made of.
type proxyParts struct {
	run      *run
	settings settings.Settings
	log      *slog.Logger
	store    store.Store
	zips     *zipcache.Cache
	memo     *memo.Memo
	client   *http.Client
	db       *checksums.DB
	private  string // patterns

	public, privateSource upstream.Source
	elements              []goproxy.Element
	redirect              *url.URL // the first upstream, if it is a proxy
	storeDelay            time.Duration
}

// newFillingParts is newProxyParts for commands that fill a store, beside a proxy that may be
// running.
func newFillingParts(ctx context.Context, r *run, log *slog.Logger) (*proxyParts, error) {
	return newProxyParts(ctx, r, log, "prefetch", 0)
}

// newProxyParts opens everything. The caller must call close. cache names the directory in the
// user's cache that is used unless the configuration names one, and delay is how long what was
// fetched may wait to be stored.
func newProxyParts(ctx context.Context, r *run, log *slog.Logger, cache string, delay time.Duration) (p *proxyParts, err error) {
	p = &proxyParts{run: r, settings: settings.Defaults(), log: log, client: upstream.NewClient(), storeDelay: delay}
	if r.cfg.Proxy.File != "" {
		if p.settings, err = settings.Read(r.cfg.Proxy.File); err != nil {
			return nil, usage.Errorf("--config: %w", err)
		}
	}
	if p.store, err = openStore(ctx, r); err != nil {
		return nil, err
	}
	p.memo = memo.New(p.settings.Memory, time.Now)
	dir := r.cfg.Proxy.CacheDir
	if dir == "" {
		if dir, err = userCache(cache); err != nil {
			return nil, err
		}
	}
	if p.zips, err = zipcache.Open(filepath.Join(dir, "zips"), p.settings.CacheSize); err != nil {
		if errors.Is(err, zipcache.ErrInUse) {
			return nil, usage.Errorf("%w; give each proxy its own --cache-dir", err)
		}
		return nil, err
	}
	if err := p.openSources(ctx, filepath.Join(dir, "go")); err != nil {
		return nil, errors.Join(err, p.zips.Close())
	}
	return p, nil
}

func (p *proxyParts) close() {
	if p.db != nil {
		p.db.Close()
	}
	if err := p.zips.Close(); err != nil {
		p.log.Warn("cache of zips", "error", err)
	}
}

// openSources makes the upstreams and the checksum database.
func (p *proxyParts) openSources(ctx context.Context, sandbox string) error {
	env, err := readGoEnv(ctx, ".")
	if err != nil { // without a go command only its variables can tell
		env = goEnv{
			GOPRIVATE: p.run.env("GOPRIVATE"), GONOPROXY: p.run.env("GONOPROXY"), GONOSUMDB: p.run.env("GONOSUMDB"),
			GOSUMDB: p.run.env("GOSUMDB"),
		}
	}
	if p.private = p.settings.Private; p.private == "" {
		p.private = env.private()
	}
	if err := settings.CheckPatterns(p.private); err != nil {
		return usage.Errorf("private modules: %w", err)
	}
	if err := p.settings.CheckReaders(p.private); err != nil {
		return usage.Wrap(err)
	}
	if p.elements, err = upstream.Parse(p.run.cfg.Proxy.Upstream); err != nil {
		return usage.Errorf("--upstream: %w", err)
	}
	private, err := upstream.Parse(p.settings.PrivateUpstream)
	if err != nil {
		return usage.Errorf("private-upstream in %s: %w", p.run.cfg.Proxy.File, err)
	}
	o := upstream.DirectOptions{
		Dir: filepath.Join(sandbox, "private"), Env: os.Environ(), Netrc: netrcFile(p.settings, p.run),
		Limit: p.settings.DirectCommands, Time: p.settings.DirectTime, Quota: p.settings.DirectDisk,
	}
	if p.privateSource, err = p.chain(private, o); err != nil {
		return err
	}
	o.Dir, o.Anonymous = filepath.Join(sandbox, "public"), true
	if p.public, err = p.chain(p.elements, o); err != nil {
		return err
	}
	if u, err := url.Parse(p.elements[0].Name); err == nil && u.Host != "" && u.User == nil {
		p.redirect = u // with a password in it, it is not for clients
	}
	return p.openDB(env.GOSUMDB)
}

// netrcFile is where credentials for hosts are: as the go command looks for them, unless the
// settings name a file.
func netrcFile(s settings.Settings, r *run) string {
	if s.Netrc != "" {
		return s.Netrc
	}
	if name := r.env("NETRC"); name != "" {
		return name
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	for _, name := range []string{".netrc", "_netrc"} {
		if name = filepath.Join(home, name); fileExists(name) {
			return name
		}
	}
	return ""
}

// login returns a function that finds the credentials in this user's .netrc for a host; nil if it
// has none.
func (r *run) login() func(host string) *url.Userinfo {
	file := netrcFile(settings.Settings{}, r)
	return func(host string) *url.Userinfo { return netrcLogin(file, host) }
}

func fileExists(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.Mode().IsRegular()
}

func (p *proxyParts) chain(list []goproxy.Element, direct upstream.DirectOptions) (c upstream.Chain, err error) {
	for _, e := range list {
		var s upstream.Source
		switch e.Name {
		case "direct":
			if s, err = upstream.NewDirect(direct); err != nil {
				return nil, err
			}
		case "off":
			s = upstream.Off{}
		default:
			u, _ := url.Parse(e.Name) // upstream.Parse has accepted it
			s = &upstream.HTTP{Base: u, Client: p.client}
		}
		c = append(c, upstream.Link{Source: s, FallBack: e.FallBack})
	}
	return c, nil
}

// openDB makes the checksum database. Without one, modules can only be compared with what was seen
// first.
func (p *proxyParts) openDB(setting string) error {
	if setting == "off" {
		p.log.Warn("GOSUMDB is off: modules are compared with what was seen first, and stored below repository and scope")
		return nil
	}
	id, err := checksumdb.Identify(setting)
	if err != nil {
		return usage.Wrap(err)
	}
	p.db = checksums.New(checksums.Options{
		Identity: id, Upstreams: p.elements, Client: p.client, Store: p.store, Memo: p.memo,
		Latest: latestTime, Offline: p.run.cfg.Proxy.Offline, Partial: p.storeDelay == 0,
		Failed: p.databaseFailed(),
	})
	return nil
}

// databaseFailed returns a function that logs errors of the checksum database, and those of its
// store seldom.
func (p *proxyParts) databaseFailed() func(op string, err error) {
	var lines proxy.Seldom
	return func(op string, err error) {
		if n, ok := lines.Allow(op); ok || op == "verify" {
			p.log.Warn("checksum database", "op", op, "error", err, "times", max(1, n))
		}
	}
}

// library is what a Library is made of.
func (p *proxyParts) library(w proxy.Watcher) proxy.Options {
	return proxy.Options{
		Store: p.store, Repo: p.run.cfg.Repo, Scope: p.run.cfg.Scope, Private: p.private,
		Public: p.public, PrivateSource: p.privateSource, DB: p.db, Zips: p.zips, Memo: p.memo, Log: p.log, Watch: w,
		Offline: p.run.cfg.Proxy.Offline, ListTTL: p.settings.ListTime, AbsentTTL: p.settings.AbsentTime,
		FlightTime: flightTime, TouchAfter: touchAfter, StoreDelay: p.storeDelay,
	}
}

// fillingLibrary returns a Library for a command that says at its end what it could not do, and
// before that only with --debug. The caller must call Close.
func (p *proxyParts) fillingLibrary() *proxy.Library {
	o := p.library(proxy.Silent{})
	if !p.run.out.debug {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return proxy.NewLibrary(o)
}

func (p *proxyParts) sizes() metrics.Sizes {
	return metrics.Sizes{
		ZipBytes:    func() float64 { n, _ := p.zips.Stats(); return float64(n) },
		ZipsEvicted: func() float64 { _, n := p.zips.Stats(); return float64(n) },
		MemoryBytes: func() float64 { return float64(p.memo.Bytes()) },
	}
}

// ready asks the store for an object, and one upstream whether it is there.
func (p *proxyParts) ready(ctx context.Context) error {
	name, err := snapshot.SharedProxy().List("gocache.example/ready")
	if err != nil {
		return err
	}
	if _, err := p.store.Stat(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("store: %w", err)
	}
	if p.run.cfg.Proxy.Offline {
		return nil
	}
	var failed []error
	for _, e := range p.elements {
		u, err := url.Parse(e.Name)
		if err != nil || u.Host == "" {
			return nil // repositories are on many hosts
		}
		if err = p.reach(ctx, u); err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("upstream %s: %w", u.Redacted(), err))
	}
	return errors.Join(failed...)
}

func (p *proxyParts) reach(ctx context.Context, u *url.URL) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return errors.New("invalid URL")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= 500 {
		return errors.New(resp.Status)
	}
	return nil
}

// proxyLog writes to stderr, as text or with --json as JSON, without secrets.
func proxyLog(r *run) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	switch {
	case r.out.debug:
		o.Level = slog.LevelDebug
	case r.out.quiet:
		o.Level = slog.LevelWarn
	}
	w := cleaned{r.out}
	if r.out.json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// cleaned is stderr without secrets. Handlers call Write once for each line.
type cleaned struct{ out *console }

func (c cleaned) Write(p []byte) (int, error) {
	text := c.out.clean(string(p))
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if _, err := io.WriteString(c.out.stderr, text); err != nil {
		return 0, err
	}
	return len(p), nil
}
