package storeurl

import (
	"errors"
	"net/url"
)

// actionsName can be written instead of the URL, which has nothing else to say.
const actionsName = "actions"

// parseActions accepts actions:// and nothing behind it: the runner says where the service is, and
// the job whose caches it has.
func parseActions(u *url.URL) (Target, error) {
	if u.Opaque != "" || u.Host != "" || u.Path != "" || u.RawQuery != "" {
		return Target{}, errors.New("the cache service of GitHub Actions has neither a name nor parameters; write actions")
	}
	return Target{Actions: true}, nil
}
