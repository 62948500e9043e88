package main

import (
	"net/url"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/web"
)

// openWeb opens a store behind a web server. As with a directory, settings that only a bucket can keep are refused.
func (a *app) openWeb(u *url.URL) (store.Store, error) {
	if name := a.flags.keeping.given(a.lookup); name != "" {
		return nil, usage("%s is for stores in S3, and %s is a web server", name, u)
	}
	st, err := web.New(web.Options{URL: u, StallTimeout: time.Duration(a.flags.stall)})
	if err != nil {
		return nil, usage("store %s: %w", u, err)
	}
	a.debugStore(st, nil)
	return st, nil
}
