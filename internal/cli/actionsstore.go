package cli

import (
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/storeurl"
	"github.com/org/gocache-action/save"
)

// openActions opens the cache service of GitHub Actions. Where there is none, nothing is wrong with
// the URL: the same workflow may run elsewhere.
func openActions(r *run) (store.Store, error) {
	service, err := ci.FindCacheService(r.env)
	if err != nil {
		return nil, fmt.Errorf("store actions: %w", err)
	}
	return openService(r, service)
}

func openService(r *run, service ci.CacheService) (store.Store, error) {
	if err := refuseKey(r.cfg, "actions is the cache service of GitHub"); err != nil {
		return nil, err
	}
	o := actions.Options{
		URL: service.URL, Token: service.Token, Mode: service.Mode,
		StallTimeout: r.cfg.StallTimeout, Concurrency: r.cfg.Concurrency,
	}
	if r.out.debug {
		o.Trace = traceWeb(r.out)
	}
	st, err := actions.New(o)
	if err != nil {
		return nil, fmt.Errorf("store actions: %w", err)
	}
	debugStore(r, st, nil)
	return st, nil
}

// usesActions reports whether the store of the command is the cache service of GitHub.
func (r *run) usesActions() bool {
	if r.cfg.Store == "" {
		_, err := ci.FindCacheService(r.env)
		return err == nil
	}
	target, err := storeurl.Parse(r.cfg.Store)
	return err == nil && target.Actions
}

// leastNew is how much must be new for a save: in the cache of GitHub, a pull request does not make
// entries for a little.
func (r *run) leastNew(id ci.Identity) int64 {
	if r.usesActions() && strings.HasPrefix(id.Scope, "refs/pull/") {
		return save.SmallSave
	}
	return 0
}
