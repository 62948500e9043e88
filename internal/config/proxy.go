package config

import (
	"slices"

	"github.com/org/gocache-action/internal/usage"
)

// ProxyConfig holds the settings of the module proxy that are flags. What has structure, and what
// hardly anybody sets, stands in the file that File names.
type ProxyConfig struct {
	Listen          string
	Upstream        string
	Offline         bool
	File            string
	CacheDir        string // "" is a directory in the user's cache
	TLSCert, TLSKey string // files
	Server          []string
}

// options is the table of all commands.
var options = slices.Concat(takenBy(Verify, jobOptions, verifyTakes), rebuildOptions, proxyOptions, verifyOptions, watchOptions, statsOptions, lookOptions, moduleOptions)

var proxyOptions = []Option{
	{
		Name: "listen", Commands: Proxy, Group: Serving,
		Default: ":3000",
		Help:    "address to serve on: host:port, or :port for all addresses",
		value:   text(func(c *Config) *string { return &c.Proxy.Listen }),
	},
	{
		Name: "upstream", Commands: Proxy | Prefetch | Bundle, Group: Serving,
		Default: "https://proxy.golang.org,direct",
		Help:    "where public modules come from, as in GOPROXY: module proxies and direct, with , or | between them",
		value:   text(func(c *Config) *string { return &c.Proxy.Upstream }),
	},
	{
		Name: "offline", Commands: Proxy, Group: Serving,
		Help:  "serve what the store has, and ask nobody else",
		value: toggle(func(c *Config) *bool { return &c.Proxy.Offline }),
	},
	{
		Name: "config", Commands: Proxy | Prefetch | Bundle, Group: Serving,
		Help:  "file with private modules, tokens, modes and limits",
		value: text(func(c *Config) *string { return &c.Proxy.File }),
	},
	{
		Name: "repo", Commands: Proxy | Prefetch | Bundle, Group: Identity,
		Default: "gocache-proxy",
		Help:    "repository under which private modules are stored",
		value:   text(func(c *Config) *string { return &c.Repo }),
	},
	{
		Name: "scope", Commands: Proxy | Prefetch | Bundle, Group: Identity,
		Default: "modules",
		Help:    "scope under which private modules are stored",
		value:   text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "cache-dir", Commands: Proxy | Prefetch | Bundle, Group: Serving,
		Origin: "a directory below the user cache directory",
		Help: "local directory for zips and for clones of repositories, which no other proxy " +
			"may use",
		value: text(func(c *Config) *string { return &c.Proxy.CacheDir }),
	},
	{
		Name: "tls-cert", Commands: Proxy, Group: Serving,
		Help:  "file with the certificate for https and its chain",
		value: text(func(c *Config) *string { return &c.Proxy.TLSCert }),
	},
	{
		Name: "tls-key", Commands: Proxy, Group: Serving,
		Help:  "file with the private key of the certificate",
		value: text(func(c *Config) *string { return &c.Proxy.TLSKey }),
	},
	{
		Name: "server", Commands: Refresh, Group: Serving,
		Origin: "http://localhost:3000",
		Help:   "URL of a proxy; repeatable, for several replicas",
		value:  func(c *Config) Value { return listValue{to: &c.Proxy.Server, kind: "urls"} },
	},
}

// check refuses what makes no sense.
func (p ProxyConfig) check() error {
	if (p.TLSCert == "") != (p.TLSKey == "") {
		return usage.Errorf("--tls-cert and --tls-key go together")
	}
	return nil
}
