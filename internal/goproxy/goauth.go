package goproxy

import (
	"net/url"
	"strings"
)

// Credentials says where GOAUTH has the go command look for those of proxies: in .netrc, which is
// the default, and in others, which are git or commands.
func Credentials(goauth string) (netrc, others bool) {
	if strings.TrimSpace(goauth) == "" {
		return true, false
	}
	for one := range strings.SplitSeq(goauth, ";") {
		switch strings.TrimSpace(one) {
		case "", "off":
		case "netrc":
			netrc = true
		default:
			others = true
		}
	}
	return netrc, others
}

// WithLogin is the URL of a proxy with what .netrc has for its host, where the go command would
// send that (cmd/go/internal/web): GOAUTH does not say otherwise, the URL has no user of its own,
// and it is encrypted. login is what .netrc has, nil for nothing.
func WithLogin(u *url.URL, goauth string, login func(host string) *url.Userinfo) *url.URL {
	if netrc, _ := Credentials(goauth); login == nil || !netrc || u.User != nil || u.Scheme != "https" {
		return u
	}
	with := *u
	with.User = login(u.Host)
	return &with
}
