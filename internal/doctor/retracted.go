package doctor

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/quantity"
)

// How many modules are asked about, and how many at once.
const (
	askedModules  = 400
	askedAtOnce   = 16
	shownModules  = 10
	unknownReason = "%s not asked about: no proxy says what the authors say, or not in time"
)

// A verdict is what the authors of a module say, in its newest version, of the version in use.
type verdict struct {
	known                 bool
	cached                bool // from the module cache alone
	newest                string
	retracted, deprecated string // why; "" if it is not
}

// checkRetracted: no version in use is retracted, and no module that the project itself uses is
// deprecated.
func checkRetracted(ctx context.Context, f *Facts) []finding.Finding {
	if f.Mod == nil {
		return nil
	}
	list := usedVersions(f)
	list = list[:min(len(list), askedModules)]
	verdicts := make([]verdict, len(list))
	chain := proxies(f)
	var g errgroup.Group
	g.SetLimit(askedAtOnce)
	for i, u := range list {
		g.Go(func() error {
			verdicts[i] = hear(f, ctx, chain, u.v)
			return nil
		})
	}
	g.Wait()
	return judgeVersions(list, verdicts)
}

// used is a version in use.
type used struct {
	v        module.Version
	indirect bool
}

// usedVersions are those that go.mod requires: with a go line of 1.17 or later all that is built.
func usedVersions(f *Facts) (list []used) {
	for _, r := range f.Mod.Require {
		u := used{r.Mod, r.Indirect}
		if to := replacedBy(f.Mod, r.Mod); to != nil {
			if to.Version == "" {
				continue
			}
			u.v = *to
		}
		list = append(list, u)
	}
	slices.SortStableFunc(list, func(a, b used) int { // what the project itself uses first
		switch {
		case a.indirect == b.indirect:
			return 0
		case b.indirect:
			return -1
		}
		return 1
	})
	return list
}

func judgeVersions(list []used, verdicts []verdict) (found []finding.Finding) {
	unheard, cached := 0, 0
	for i, u := range list {
		v := verdicts[i]
		if v.known && v.cached {
			cached++
		}
		switch {
		case !v.known:
			unheard++
		case v.retracted != "":
			found = append(found, finding.Warnf(finding.Run("go get "+u.v.Path+"@latest"), "%s is retracted by its authors: %s", u.v, v.retracted))
		case v.deprecated != "" && !u.indirect:
			found = append(found, finding.Warnf(finding.Run("go mod why -m "+u.v.Path).With("shows what needs it; then use what its authors name instead"), "%s is deprecated by its authors: %s", u.v.Path, v.deprecated))
		}
	}
	if more := len(found) - shownModules; more > 0 {
		found = append(found[:shownModules], finding.Warnf(finding.Run("go list -m -u -retracted all"), "and %d more", more))
	}
	if len(found) == 0 && unheard < len(list) || len(list) == 0 {
		text := fmt.Sprintf("none of %s is retracted, none that the project itself uses is deprecated", quantity.Counted(len(list)-unheard, "version"))
		if cached > 0 {
			text += fmt.Sprintf("; of %d only the module cache was asked, which does not know what their authors said later", cached)
		}
		found = append(found, finding.Okf("%s", text))
	}
	if unheard > 0 {
		found = append(found, unknown(unknownReason, quantity.Counted(unheard, "module")))
	}
	return found
}

// proxies are the module proxies that may be asked, in their order. Behind one that is not asked
// here, as a directory, the others need not get to know what it has.
func proxies(f *Facts) (chain upstream.Chain) {
	for _, e := range goproxy.Split(f.Env["GOPROXY"]) {
		if e.Name == "direct" || e.Name == "off" {
			break
		}
		u, err := url.Parse(e.Name)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			break
		}
		chain = append(chain, upstream.Link{Source: &upstream.HTTP{Base: f.withLogin(u), Client: f.client}, FallBack: e.FallBack})
	}
	return chain
}

// hear finds out what the newest version says of one in use: from a proxy, and where none may be
// asked or answers, from the newest go.mod in the module cache.
func hear(f *Facts, ctx context.Context, chain upstream.Chain, v module.Version) verdict {
	if len(chain) > 0 && !f.isDirect(v.Path) {
		if got, err := fromProxy(ctx, chain, v); err == nil {
			return got
		}
	}
	return fromCache(f, v)
}

func fromProxy(ctx context.Context, chain upstream.Chain, v module.Version) (verdict, error) {
	data, err := chain.List(ctx, v.Path)
	if err != nil {
		return verdict{}, err
	}
	newest := newestOf(strings.Fields(string(data)))
	if newest == "" || semver.Compare(newest, v.Version) < 0 {
		newest = v.Version // a module without tags
	}
	text, err := chain.Mod(ctx, module.Version{Path: v.Path, Version: newest})
	if err != nil {
		return verdict{}, err
	}
	return opinion(newest, text, v)
}

// newestOf is the version that the go command reads retractions from: the highest release, or if
// there is none, the highest of all.
func newestOf(versions []string) string {
	var release, any string
	for _, v := range versions {
		if semver.Compare(v, any) > 0 || any == "" {
			any = v
		}
		if semver.Prerelease(v) == "" && !strings.HasSuffix(v, "+incompatible") && (release == "" || semver.Compare(v, release) > 0) {
			release = v
		}
	}
	if release != "" {
		return release
	}
	return any
}

// opinion reads what a go.mod says of a version.
func opinion(newest string, gomod []byte, v module.Version) (verdict, error) {
	// as in cmd/go, what a later Go has added is passed over
	mod, err := modfile.ParseLax("go.mod", gomod, nil)
	if err != nil {
		return verdict{}, err
	}
	out := verdict{known: true, newest: newest}
	if mod.Module != nil {
		out.deprecated = oneLine(mod.Module.Deprecated)
	}
	for _, r := range mod.Retract {
		if semver.Compare(r.Low, v.Version) <= 0 && semver.Compare(v.Version, r.High) <= 0 {
			if out.retracted = oneLine(r.Rationale); out.retracted == "" {
				out.retracted = "they do not say why"
			}
		}
	}
	return out, nil
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}

// fromCache reads the newest go.mod that the module cache has. It knows what was retracted until
// then, and not what was retracted since.
func fromCache(f *Facts, v module.Version) verdict {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return verdict{}
	}
	dir := filepath.Join(f.Env["GOMODCACHE"], "cache", "download", filepath.FromSlash(path), "@v")
	list, err := filepath.Glob(filepath.Join(dir, "*.mod"))
	if err != nil || len(list) == 0 {
		return verdict{}
	}
	var versions []string
	for _, file := range list {
		if version, err := module.UnescapeVersion(strings.TrimSuffix(filepath.Base(file), ".mod")); err == nil && !module.IsPseudoVersion(version) {
			versions = append(versions, version)
		}
	}
	newest := newestOf(versions)
	escaped, err := module.EscapeVersion(newest)
	if newest == "" || err != nil {
		return verdict{}
	}
	data, err := os.ReadFile(filepath.Join(dir, escaped+".mod"))
	if err != nil {
		return verdict{}
	}
	out, err := opinion(newest, data, v)
	if err != nil || out.retracted == "" && out.deprecated == "" && semver.Compare(newest, v.Version) <= 0 {
		return verdict{} // nothing newer is known, so nothing is
	}
	out.cached = true
	return out
}
