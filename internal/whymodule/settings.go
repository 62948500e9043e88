package whymodule

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/goproxy"
)

// Settings are those of the go command that say who is asked, as "go env" tells them.
type Settings struct {
	GOPROXY, GOPRIVATE, GONOPROXY, GONOSUMDB, GOSUMDB, GOVCS, GOFLAGS string

	GOAUTH string `json:",omitempty"` // not in facts: it may have secrets

	// Source says where a setting comes from, by its name: FromEnvironment or FromFile. What is not
	// there has its default.
	Source map[string]string `json:"source,omitempty"`
}

// Where settings come from.
const (
	FromEnvironment = "environment"
	FromFile        = "go env -w"
)

// A Route is where the go command sends questions about a module.
type Route struct {
	Direct string `json:"direct,omitempty"` // the setting that keeps it from the proxies, or ""
	NoSum  string `json:"noSum,omitempty"`  // the setting that keeps it from the checksum database, or ""
	NoGit  string `json:"noGit,omitempty"`  // the rule of GOVCS by which git is not used for it, or ""

	elements []goproxy.Element
}

// RouteOf finds the route of a module.
func RouteOf(s Settings, path string) Route {
	r := Route{Direct: s.match("GONOPROXY", s.GONOPROXY, path), NoSum: s.match("GONOSUMDB", s.GONOSUMDB, path)}
	if s.GOSUMDB == "off" {
		r.NoSum = s.name("GOSUMDB", "off")
	}
	if r.Direct != "" {
		r.elements = []goproxy.Element{{Name: "direct"}}
	} else {
		r.elements = upToEnd(goproxy.Split(s.GOPROXY))
	}
	r.NoGit = s.noGit(path)
	return r
}

// upToEnd drops what the go command never comes to.
func upToEnd(list []goproxy.Element) []goproxy.Element {
	for i, e := range list {
		if e.Name == "direct" || e.Name == "off" {
			return list[:i+1]
		}
	}
	return list
}

// match returns the setting by which a list of patterns matches; "" if none does. GONOPROXY and
// GONOSUMDB are GOPRIVATE unless they are set.
func (s Settings) match(name, patterns, path string) string {
	if s.Source[name] == "" && s.GOPRIVATE != "" {
		name = "GOPRIVATE"
	}
	for p := range strings.SplitSeq(patterns, ",") {
		if module.MatchPrefixPatterns(p, path) {
			return s.name(name, p)
		}
	}
	return ""
}

// name shows a setting, and where it comes from.
func (s Settings) name(name, value string) string {
	return name + "=" + value + " (" + cmp.Or(s.Source[name], "default") + ")"
}

// noGit returns the rule of GOVCS that forbids git for a module; "" if it is allowed. The first
// rule that matches counts (cmd/go/internal/vcs.checkGOVCS); the default allows git.
func (s Settings) noGit(mod string) string {
	for rule := range strings.SplitSeq(s.GOVCS, ",") {
		pattern, allowed, ok := strings.Cut(strings.TrimSpace(rule), ":")
		if !ok || !s.matchVCS(pattern, mod) {
			continue
		}
		list := strings.FieldsFunc(allowed, func(c rune) bool { return c == '|' || c == ' ' })
		if slices.Contains(list, "git") || slices.Contains(list, "all") {
			return ""
		}
		return s.name("GOVCS", rule)
	}
	return ""
}

func (s Settings) matchVCS(pattern, path string) bool {
	private := module.MatchPrefixPatterns(s.GOPRIVATE, path)
	switch pattern {
	case "private":
		return private
	case "public":
		return !private
	}
	return module.MatchPrefixPatterns(pattern, path)
}

// privatePattern is what GOPRIVATE should have for a module: its organization where hosts have
// those, else its host.
func privatePattern(mod string) string {
	parts := strings.Split(mod, "/")
	if slices.Contains(codeHosts, parts[0]) && len(parts) > 2 {
		return path.Join(parts[0], parts[1]) // and all below it
	}
	if slices.Contains(codeHosts, parts[0]) {
		return mod
	}
	return parts[0]
}

// codeHosts are hosts that everybody's modules are on.
var codeHosts = []string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht", "gitee.com"}
