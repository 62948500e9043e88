package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/usage"
)

// Times of connections.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
)

// listen opens the address of --listen.
func listen(address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, usage.Errorf("--listen %s: want host:port, or :port for all addresses: %w", address, err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	return l, nil
}

// A service is what a command serves by HTTP until it is told to end.
type service struct {
	handler http.Handler
	tls     *tls.Config // nil: without TLS
	log     *slog.Logger
	drain   time.Duration // for requests that have begun, and for last
	last    func(ctx context.Context)
}

// until serves until ctx ends. Then it lets requests end that have begun, and calls last, if there
// is one.
func (s service) until(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.handler, TLSConfig: s.tls, ErrorLog: quietErrors(s.log),
		ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
	}
	done := make(chan error, 1)
	go func() {
		if s.tls != nil {
			done <- server.ServeTLS(l, "", "")
		} else {
			done <- server.Serve(l)
		}
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.log.Info("ending", "wait", s.drain.String())
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		s.log.Warn("requests were cut off", "error", err)
		server.Close()
	}
	if s.last != nil {
		s.last(end)
	}
	return nil
}

// quietErrors takes what package http says of single connections. Only --debug shows that.
func quietErrors(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
