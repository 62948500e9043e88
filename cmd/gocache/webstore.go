package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/web"
)

// openWeb opens a store behind a web server. As with a directory, settings that only a bucket can
// keep are refused.
func (a *app) openWeb(u *url.URL, insecure bool) (store.Store, error) {
	if name := a.flags.keeping.given(a.lookup); name != "" {
		return nil, usage("%s is for stores in S3, and %s is a web server", name, u)
	}
	o := web.Options{URL: u, Insecure: insecure, StallTimeout: time.Duration(a.flags.stall)}
	if a.out.debug {
		o.Trace = a.traceWeb
	}
	st, err := web.New(o)
	if err != nil {
		return nil, usage("store %s: %w", u, err)
	}
	a.debugStore(st, nil)
	return st, nil
}

// traceWeb logs a request as one to a bucket is logged. A redirect can lead to a signed URL, which
// is shown without its signature.
func (a *app) traceWeb(r *http.Request, resp *http.Response, err error, took time.Duration) {
	line := exchangeLine(s3.Exchange{Method: r.Method, URL: redact.URL(r.URL), Header: redact.Header(r.Header), Err: err, Wait: took, Took: took})
	if err == nil {
		line = exchangeLine(s3.Exchange{
			Method: r.Method, URL: redact.URL(r.URL), Header: redact.Header(r.Header), Status: resp.StatusCode, Received: resp.ContentLength, Wait: took, Took: took,
		})
	}
	a.out.debugf("%s", line)
}
