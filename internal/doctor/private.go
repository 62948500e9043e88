package doctor

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
)

// patternSettings are the lists of patterns of modules.
var patternSettings = []string{"GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// publicProxies are those that anybody reads: the names of private modules do not belong there.
var publicProxies = []string{"proxy.golang.org", "goproxy.io", "goproxy.cn", "athens.azurefd.net", "mirrors.aliyun.com", "mirrors.tencent.com", "repo.huaweicloud.com"}

// patterns are those of a list. "none" is the word for an empty one.
func patterns(list string) (out []string) {
	for p := range strings.SplitSeq(list, ",") {
		if p != "" && p != "none" {
			out = append(out, p)
		}
	}
	return out
}

// covers reports whether all modules of a pattern are in a list.
func covers(list []string, pattern string) bool {
	pattern = strings.TrimSuffix(strings.TrimSpace(pattern), "/")
	return slices.ContainsFunc(list, func(p string) bool { return strings.TrimSuffix(p, "/") == pattern }) ||
		!strings.ContainsAny(pattern, `*?[\`) && module.MatchPrefixPatterns(strings.Join(list, ","), pattern)
}

// checkPrivate: the lists of private modules can be read, and go together.
func checkPrivate(_ context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	var wrong []finding.Finding
	for _, name := range patternSettings {
		for _, p := range patterns(f.Env[name]) {
			if why := badPattern(p); why != "" {
				wrong = append(wrong, finding.Failf(repair(f, name), "%s (%s) has %q, %s: it matches no module", name, f.origin(name), p, why))
			}
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	private, noProxy, noSum := patterns(f.Env["GOPRIVATE"]), patterns(f.Env["GONOPROXY"]), patterns(f.Env["GONOSUMDB"])
	all := append(slices.Clone(private), noProxy...)
	if slices.ContainsFunc(all, func(p string) bool { return p == "*" }) {
		wrong = append(wrong, finding.Warnf(finding.Advise("name only what is private, such as: "+f.set("GOPRIVATE", "corp.example.com")), "GOPRIVATE or GONOPROXY is *: public modules go past proxies, and are compared with no checksum database"))
	}
	for _, p := range distinct(all) {
		if f.asksSumDB() && !covers(noSum, p) {
			wrong = append(wrong, finding.Warnf(widen(f, "GONOSUMDB", noSum, private, p),
				"%s is private, and GONOSUMDB (%s) does not have it: its name is sent to the checksum database, which does not know it, and the go command fails", p, f.origin("GONOSUMDB")))
		}
	}
	for _, p := range distinct(append(slices.Clone(private), noSum...)) {
		if host := f.publicProxy(); host != "" && !covers(noProxy, p) {
			wrong = append(wrong, finding.Warnf(widen(f, "GONOPROXY", noProxy, private, p),
				"%s is private, and GONOPROXY (%s) does not have it: its name is sent to %s, which is public", p, f.origin("GONOPROXY"), host))
		}
	}
	if len(all) == 0 {
		return or(wrong, finding.Okf("no modules are private"))
	}
	return or(wrong, finding.Okf("private: %s", strings.Join(distinct(all), ", ")))
}

// widen is the command that adds a pattern to a list.
func widen(f *Facts, name string, list, private []string, pattern string) finding.Remedy {
	if covers(private, pattern) {
		return f.unset(name) // GOPRIVATE is its default
	}
	if f.origin(name) == "default" || len(list) == 0 {
		name, list = "GOPRIVATE", distinct(append(slices.Clone(private), pattern))
		return finding.Run(f.set(name, strings.Join(list, ",")))
	}
	return finding.Run(f.set(name, strings.Join(append(slices.Clone(list), pattern), ",")))
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// badPattern says why a pattern matches nothing; "" if it may.
func badPattern(p string) string {
	switch {
	case strings.TrimSpace(p) != p:
		return "with a space"
	case strings.Contains(p, "://"):
		return "which is a URL"
	case strings.ContainsAny(p, " ;"):
		return "where a comma must be between patterns"
	case strings.Contains(p, "@") || strings.HasSuffix(p, ".git/"):
		return "which is no path of a module"
	}
	if _, err := path.Match(p, "x"); err != nil {
		return "which is malformed"
	}
	return ""
}

// repair sets a list as it was meant; of one where that leaves nothing, it removes the setting.
func repair(f *Facts, name string) finding.Remedy {
	if list := repaired(f.Env[name]); list != "" {
		return finding.Run(f.set(name, list))
	}
	return f.unset(name)
}

// repaired is a list of patterns as it was meant, as far as one can tell.
func repaired(list string) string {
	var out []string
	for _, p := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(", ;", c) }) {
		if _, rest, isURL := strings.Cut(p, "://"); isURL {
			p = rest
		}
		_, p = cutLast(p, "@")
		if _, err := path.Match(p, "x"); err != nil {
			continue // what was meant, nobody can tell
		}
		out = append(out, strings.TrimSuffix(strings.TrimSuffix(p, "/"), ".git"))
	}
	return strings.Join(out, ",")
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return "", s
}

// asksSumDB reports whether the go command asks a checksum database at all.
func (f *Facts) asksSumDB() bool { return f.Env["GOSUMDB"] != "off" }

// publicProxy is the host of the public proxy that is asked first; "" if another one is, which has
// the private modules, so that those behind it are not asked for them.
func (f *Facts) publicProxy() string {
	list := goproxy.Split(f.Env["GOPROXY"])
	if len(list) == 0 {
		return ""
	}
	if u, err := url.Parse(list[0].Name); err == nil && slices.Contains(publicProxies, u.Hostname()) {
		return u.Hostname()
	}
	return ""
}

// isDirect reports whether the go command asks the repository of a module, and no proxy.
func (f *Facts) isDirect(path string) bool {
	return module.MatchPrefixPatterns(f.Env["GONOPROXY"], path)
}

// isPrivate reports whether a setting says that a module is private.
func (f *Facts) isPrivate(path string) bool {
	return f.isDirect(path) || module.MatchPrefixPatterns(f.Env["GOPRIVATE"], path) || module.MatchPrefixPatterns(f.Env["GONOSUMDB"], path)
}
