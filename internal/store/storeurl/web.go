package storeurl

import (
	"errors"
	"net/url"
	"strings"

	"github.com/org/gocache-action/internal/store/wire"
)

// parseWeb reads the URL of a store behind a web server. Its parameters are for this program and
// are not sent to the server.
func parseWeb(u *url.URL) (Target, error) {
	q, err := url.ParseQuery(u.RawQuery)
	insecure := q.Get("insecure")
	delete(q, "insecure")
	switch {
	case u.User != nil:
		return Target{}, errors.New("credentials do not belong in the URL, and a store behind a web server is read without any")
	case u.Opaque != "" || u.Hostname() == "":
		return Target{}, errors.New("no host; write https://host/prefix")
	case u.Fragment != "":
		return Target{}, errors.New(`a "#" must be written as %23`)
	case err != nil || len(q) > 0:
		return Target{}, errors.New("a store behind a web server has no parameter but insecure=true; a bucket is s3://bucket/prefix?endpoint=https://host")
	case insecure != "" && insecure != "true" && insecure != "false":
		return Target{}, errors.New("parameter insecure: not true or false")
	case u.Scheme == "http" && insecure != "true" && !wire.Loopback(u.Hostname()):
		return Target{}, errors.New("over http anybody on the way can change what is built; write https://, or add ?insecure=true")
	}
	for elem := range strings.SplitSeq(strings.Trim(u.Path, "/"), "/") {
		if elem == "." || elem == ".." {
			return Target{}, errors.New("the path has an element " + elem)
		}
	}
	c := *u
	c.RawQuery, c.ForceQuery = "", false
	return Target{Web: &c, Insecure: insecure == "true"}, nil
}
