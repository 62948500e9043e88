package goproxy

import (
	"net/url"
	"testing"
)

func TestCredentials(t *testing.T) {
	for goauth, want := range map[string][2]bool{
		"": {true, false}, "netrc": {true, false}, "off": {false, false}, "git /home/me": {false, true},
		"netrc; git /home/me": {true, true}, "/usr/bin/login --host x": {false, true},
	} {
		if netrc, others := Credentials(goauth); netrc != want[0] || others != want[1] {
			t.Errorf("%q: %v, %v, want %v", goauth, netrc, others, want)
		}
	}
}

// TestWithLogin: what .netrc has goes where the go command would send it, and nowhere else.
func TestWithLogin(t *testing.T) {
	netrc := func(host string) *url.Userinfo { return url.UserPassword("me", host) }
	for _, c := range []struct {
		url, goauth string
		login       func(string) *url.Userinfo
		want        string
	}{
		{"https://proxy.example.com/go", "", netrc, "https://me:proxy.example.com@proxy.example.com/go"},
		{"https://proxy.example.com", "git /home/me; netrc", netrc, "https://me:proxy.example.com@proxy.example.com"},
		{"https://proxy.example.com", "git /home/me", netrc, "https://proxy.example.com"},
		{"https://proxy.example.com", "off", netrc, "https://proxy.example.com"},
		{"https://you:secret@proxy.example.com", "", netrc, "https://you:secret@proxy.example.com"},
		{"http://proxy.example.com", "", netrc, "http://proxy.example.com"},
		{"https://proxy.example.com", "", nil, "https://proxy.example.com"},
		{"https://proxy.example.com", "", func(string) *url.Userinfo { return nil }, "https://proxy.example.com"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := WithLogin(u, c.goauth, c.login).String(); got != c.want || u.String() != c.url {
			t.Errorf("%s with GOAUTH=%q: %s, want %s; the URL is now %s", c.url, c.goauth, got, c.want, u)
		}
	}
}
