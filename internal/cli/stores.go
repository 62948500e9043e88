package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storeurl"
	"github.com/org/gocache-action/internal/store/web"
	"github.com/org/gocache-action/internal/usage"
)

// openStore opens the store of --store. A URL that makes no sense is wrong usage; whether the
// store exists and answers shows with its first operation.
func openStore(ctx context.Context, r *run) (store.Store, error) {
	if r.cfg.Store == "" {
		return openDefault(r)
	}
	target, err := storeurl.Parse(r.cfg.Store)
	switch {
	case err != nil:
		return nil, err
	case target.Actions:
		return openActions(r)
	case target.Web != nil:
		return openWeb(r, target.Web, target.Insecure)
	case target.S3 != nil:
		return openS3(ctx, r, target)
	case target.Azure != nil:
		return openAzure(r, *target.Azure)
	case target.Google != nil:
		return openGoogle(r, *target.Google)
	}
	return openDir(r, target.Dir)
}

// openDefault opens the store of a command that names none: the cache of the repository where the
// job can reach it, else a directory, for machines that keep their disk.
func openDefault(r *run) (store.Store, error) {
	service, err := ci.FindCacheService(r.env)
	switch {
	case err == nil:
		return openService(r, service)
	case ci.OnHostedRunner(r.env):
		return nil, fmt.Errorf("no store is given, and this machine ends with the job: %w", err)
	}
	path, err := userCache("store")
	if err != nil {
		return nil, err
	}
	return openDir(r, path)
}

// openDir opens a directory.
func openDir(r *run, path string) (store.Store, error) {
	if err := refuseKey(r.cfg, path+" is a directory"); err != nil {
		return nil, err
	}
	st, err := dir.Open(path)
	if err != nil {
		return nil, err
	}
	debugStore(r, st, nil)
	return st, nil
}

// errNotThere means that the directory of a store does not exist.
var errNotThere = errors.New("does not exist")

// isThere returns an error for a store in a directory that does not exist. Otherwise a typo would
// give a command that cleans or checks a store nothing to do, and nobody would notice.
func isThere(st store.Store) error {
	d, ok := st.(*dir.Store)
	if !ok {
		return nil
	}
	if _, err := os.Stat(d.Root()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store %s %w", d.Root(), errNotThere)
	}
	return nil // the first operation reports other errors
}

// openWeb opens a store behind a web server.
func openWeb(r *run, u *url.URL, insecure bool) (store.Store, error) {
	if err := refuseKey(r.cfg, u.String()+" is a web server"); err != nil {
		return nil, err
	}
	o := web.Options{URL: u, Insecure: insecure, StallTimeout: r.cfg.StallTimeout}
	if r.out.debug {
		o.Trace = traceWeb(r.out)
	}
	st, err := web.New(o)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", u, err)
	}
	debugStore(r, st, nil)
	return st, nil
}

// refuseKey refuses an encryption key for stores that do not encrypt. Otherwise somebody might
// believe that a directory is encrypted.
func refuseKey(cfg *config.Config, what string) error {
	if cfg.CustomerKey == "" {
		return nil
	}
	return usage.Errorf("$%s is for stores in S3, and %s", config.Variable("sse-c-key"), what)
}

// openS3 adds to the URL what the configuration says.
func openS3(ctx context.Context, r *run, target storeurl.Target) (store.Store, error) {
	o := *target.S3
	var err error
	if o.Encryption.CustomerKey, err = customerKey(r.cfg, target); err != nil {
		return nil, err
	}
	if r.cfg.Concurrency != 0 {
		o.Concurrency = r.cfg.Concurrency
	}
	if o.Concurrency == 0 && o.PartSize == 0 {
		o.Concurrency = r.memory.uploads
	}
	o.StallTimeout = r.cfg.StallTimeout
	o.Role, o.Kept = roleOf(r), keptSession(r)
	traceS3(r.out, &o)
	st, err := s3.New(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("store s3://%s: %w", o.Bucket, err)
	}
	debugStore(r, st, &o)
	return st, nil
}

// customerKey returns the key of SSE-C from a variable or a file; nil if there is none. No error
// contains any part of it.
func customerKey(cfg *config.Config, target storeurl.Target) (*s3.CustomerKey, error) {
	variable, text := config.Variable("sse-c-key"), strings.TrimSpace(cfg.CustomerKey)
	switch {
	case text == "":
		return target.CustomerKey()
	case target.KeyFile != "":
		return nil, usage.Errorf("$%s and sse-c-key-file in the URL of the store exclude each other", variable)
	}
	// Not the 32 bytes themselves: what can be written into a variable is no random key.
	key, err := s3.ParseCustomerKey([]byte(text + "\n"))
	if err != nil {
		return nil, usage.Errorf("$%s: not a key of 32 bytes in base64, as 'openssl rand -base64 32' makes one", variable)
	}
	return key, nil
}

// storeNotes prints what a store has to say beside errors, for example that it is read unsigned.
func storeNotes(out *console, st store.Store) {
	for _, text := range store.Notes(st) {
		out.say("%s", text)
	}
}

// mayWrite reports whether planning a save makes sense, and says why if it does not. Other problems
// show during planning.
func mayWrite(ctx context.Context, out *console, st store.Store) bool {
	err := store.Writable(ctx, st)
	if errors.Is(err, store.ErrReadOnly) {
		out.say("a save would do nothing: %v", err)
		return false
	}
	return true
}
