package cli

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/proxy/access"
	"github.com/org/gocache-action/internal/proxy/metrics"
)

const proxyLong = `Proxy serves modules to go commands, by the protocol of module proxies:

  gocache proxy --store s3://bucket/prefix
  go env -w GOPROXY=http://localhost:3000,direct

It serves what is in the store, and fetches what is not from its upstreams. The
store is that of restore and save: what a CI job saved is served without a
download, and what the proxy fetched is restored by CI.

Public modules are verified against the checksum database before they are stored
or served. Private ones, which match GOPRIVATE, are fetched from their
repositories, and compared with what was seen first. Their names go nowhere else.

Any number of proxies can use one store at once.`

// Times of the server.
const (
	clientStall = time.Minute
	drainTime   = 20 * time.Second
	// storeDelay is how long storing makes way for clients that wait for downloads.
	storeDelay = 30 * time.Second
)

// proxyCommand describes the command line.
func proxyCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "proxy",
		Short:   "Serve modules to a team, from the store of CI",
		Long:    proxyLong,
		Example: "  gocache proxy --listen :3000 --store 's3://bucket/prefix?region=eu-central-1'",
		Args:    noArgs,
	}
	c.add(cmd, config.Proxy, func(ctx context.Context, r *run, _ []string) error { return proxyJob(ctx, r) })
	cmd.AddCommand(prefetchCommand(c), refreshCommand(c))
	return cmd
}

// proxyJob serves until ctx ends.
func proxyJob(ctx context.Context, r *run) error {
	parts, err := newProxyParts(ctx, r, proxyLog(r), "proxy", storeDelay)
	if err != nil {
		return err
	}
	defer parts.close()
	m := metrics.New(parts.sizes())
	lib := proxy.NewLibrary(parts.library(m))
	defer lib.Close()
	server, err := parts.server(lib)
	if err != nil {
		return err
	}
	front := &proxy.Front{
		Server: server, Metrics: m.Handler(), Begin: m.Begin, Ready: parts.ready, Log: parts.log,
		Stall: clientStall, Total: parts.settings.RequestTime,
	}
	if server.Local != nil {
		defer server.Local.Close()
	}
	return serveUntil(ctx, r, parts, front, lib)
}

// server makes the Server of a library.
func (p *proxyParts) server(lib *proxy.Library) (*proxy.Server, error) {
	rules, err := access.New(p.settings.Readers)
	if err != nil {
		return nil, err
	}
	s := &proxy.Server{
		Library: lib, DB: p.db, Log: p.log, Listed: p.settings.ListTime, Access: rules,
		Modes: p.settings.Modes, Redirect: p.redirect,
	}
	if len(s.Modes) > 0 {
		s.Local = lib.Local()
	}
	return s, nil
}

// serveUntil listens, and when ctx ends, waits for requests that have begun and for what they left
// to be stored.
func serveUntil(ctx context.Context, r *run, parts *proxyParts, handler http.Handler, lib *proxy.Library) error {
	tls, err := serverTLS(r.cfg.Proxy, parts.settings)
	if err != nil {
		return err
	}
	listener, err := listen(r.cfg.Proxy.Listen)
	if err != nil {
		return err
	}
	parts.log.Info("serving", "address", listener.Addr().String(), "store", parts.store.String(),
		"upstream", parts.public.String(), "offline", r.cfg.Proxy.Offline, "pid", os.Getpid())
	s := service{handler: handler, tls: tls, log: parts.log, drain: drainTime, last: func(ctx context.Context) {
		lib.Wait(ctx)
		if n := lib.NotStored(); n > 0 {
			parts.log.Warn("not stored in time; they will be fetched again", "modules", n)
		}
	}}
	return s.until(ctx, netutil.LimitListener(listener, parts.settings.Connections))
}
