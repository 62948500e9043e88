package whymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/redact"
)

// How long each may take.
const (
	proxyTime   = 20 * time.Second
	commandTime = time.Minute
)

// A gathering is facts on the way, and who is asked for them.
type gathering struct {
	*Facts
	s      *scratch
	askers []*asker // for each of the proxies; nil for direct and off
}

// Gather collects the facts. Everybody is asked at once; what depends on the version that the query
// means is asked afterwards. The error is one of this machine, or that ctx has ended.
func Gather(ctx context.Context, t Target, o Options) (*Facts, error) {
	if o.ProxyTime == 0 {
		o.ProxyTime = proxyTime
	}
	if o.CommandTime == 0 {
		o.CommandTime = commandTime
	}
	s, err := newScratch(&o)
	if err != nil {
		return nil, err
	}
	defer s.remove()
	f := &Facts{Target: t, Settings: o.Settings, Route: RouteOf(o.Settings, t.Path), Now: o.Now}
	f.Settings.GOPROXY = redact.Text(f.Settings.GOPROXY)
	f.Settings.GOAUTH = ""
	_, f.OtherLogin = goproxy.Credentials(o.Settings.GOAUTH)
	f.NoModules = s.o.GOMOD == "" // outside of a module it is the null device
	if f.Project, err = s.readProject(t.Path); err != nil {
		return nil, err
	}
	g := gathering{Facts: f, s: s}
	if f.Local = f.Project.local(); f.Local == "" {
		f.Proxies, g.askers = newAskers(f.Route, t.Path, &o)
	}
	mod := g.askAll(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if mod == nil {
		limited, cancel := context.WithTimeout(ctx, o.ProxyTime)
		mod = g.newestMod(limited)
		cancel()
	}
	f.Newest = readMod(mod)
	f.Goal = goalOf(f)
	g.askAboutGoal(ctx)
	return f, ctx.Err()
}

// askAll asks the project, the cache, the proxies and the repository. It returns the go.mod of the
// newest version in the repository.
func (g gathering) askAll(ctx context.Context) (mod []byte) {
	var asked sync.WaitGroup
	within := func(d time.Duration, do func(context.Context)) {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			do(ctx)
		})
	}
	if g.Project != nil && g.Project.Dir == "" {
		within(g.s.o.CommandTime, func(ctx context.Context) { g.s.readGraph(ctx, g.Project, g.Path) })
	}
	asked.Go(func() { g.Cached = readCache(g.s.o.ModDir, g.Path) })
	asked.Go(func() { g.askChain(ctx) })
	if why := g.whyNotRepository(); why != "" {
		g.Repository.NotAsked = why
	} else {
		within(g.s.o.CommandTime, func(ctx context.Context) { g.Repository, mod = g.s.askRepository(ctx, g.Target) })
	}
	asked.Wait()
	return mod
}

// askChain asks the proxies that the go command would come to, in turn. Those behind the one that
// it believes may not get to know the names of modules that one before them serves.
func (g gathering) askChain(ctx context.Context) {
	for i, a := range g.askers {
		if a == nil {
			return
		}
		g.askProxy(ctx, i)
		if believed, _ := g.believedOf(i + 1); believed >= 0 {
			return
		}
	}
}

// askRest asks the others, if everybody may know the module: the checksum database does.
func (g gathering) askRest(ctx context.Context) {
	public := g.isPublic()
	var asked sync.WaitGroup
	for i, a := range g.askers {
		if public && a != nil && !g.Proxies[i].List.Asked() {
			asked.Go(func() { g.askProxy(ctx, i) })
		}
	}
	asked.Wait()
}

func (g gathering) askProxy(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, g.s.o.ProxyTime)
	defer cancel()
	g.askers[i].askProxy(ctx, &g.Proxies[i], g.Query)
}

// whyNotRepository says why the repository is not asked.
func (g gathering) whyNotRepository() string {
	switch {
	case g.Local != "":
		return g.Local
	case g.s.o.NoVCS:
		return "--no-vcs"
	case len(g.Proxies) == 1 && g.Proxies[0].Name == "off":
		return "GOPROXY=off"
	case g.Route.NoGit != "":
		return g.Route.NoGit
	}
	return ""
}

// askAboutGoal asks what depends on which version is meant.
func (g gathering) askAboutGoal(ctx context.Context) {
	proxies, cancel := context.WithTimeout(ctx, g.s.o.ProxyTime)
	defer cancel()
	var asked sync.WaitGroup
	for i, a := range g.askers {
		p := &g.Proxies[i]
		if a != nil && g.Goal != "" && p.List.OK() && !p.has(g.Goal) && g.Goal != g.Query {
			asked.Go(func() { p.Goal = a.version(proxies, g.Goal) })
		}
	}
	var sums map[string]Sum
	asked.Go(func() { sums = g.lookUp(proxies) })
	asked.Wait()
	g.Sums = sums
	g.askRest(ctx)
	g.compare(ctx)
	g.askOtherMajor(ctx)
}

// newestMod is the go.mod of the newest version that the go command sees: from the module cache, or
// from the proxy that has the list.
func (g gathering) newestMod(ctx context.Context) []byte {
	i, _ := g.believed()
	if i < 0 || g.askers[i] == nil || len(g.Proxies[i].List.Versions) == 0 {
		return nil
	}
	versions := g.Proxies[i].List.Versions
	v := module.Version{Path: g.Path, Version: highest(versions)}
	if base, err := modcache.DownloadName(v); err == nil {
		if data, err := os.ReadFile(filepath.Join(g.s.o.ModDir, filepath.FromSlash(base)+".mod")); err == nil {
			return data
		}
	}
	return g.askers[i].mod(ctx, v.Version)
}

// lookUp asks the checksum database about the version that is meant, and the one that is selected.
func (g gathering) lookUp(ctx context.Context) map[string]Sum {
	o := g.s.o
	if o.DB == nil || g.Route.NoSum != "" || g.Local != "" {
		return nil
	}
	session := o.DB.Session(ctx, modcache.SumDB(o.ModDir), nil)
	list := map[string]Sum{}
	for _, v := range g.compared() {
		// The go command does not ask about what go.sum has: the module may be private.
		if g.Project == nil || g.Project.Sums[v] == "" || g.isPublic() {
			g.lookUpOne(ctx, session, v, list)
		}
	}
	if older := g.olderThanGoal(); list[g.Goal].Unknown && older != "" {
		g.lookUpOne(ctx, session, older, list) // does it know the module, and not this version?
	}
	return list
}

func (g gathering) lookUpOne(ctx context.Context, session *checksumdb.Session, v string, list map[string]Sum) {
	hash, err := session.Lookup(module.Version{Path: g.Path, Version: v})
	switch {
	case err == nil:
		list[v] = Sum{Hash: hash}
	case errors.Is(err, checksumdb.ErrUnknown):
		list[v] = Sum{Unknown: true}
	case errors.Is(err, checksumdb.ErrNotCovered):
	default:
		list[v] = Sum{Error: redact.Text(causeOf(ctx, err).Error())}
	}
}

// olderThanGoal is the newest version before the one that is meant; "" if there is none.
func (g gathering) olderThanGoal() string {
	var list []string
	for _, v := range g.all() {
		if semver.Compare(v, g.Goal) < 0 {
			list = append(list, v)
		}
	}
	return highest(list)
}

// isPublic reports whether everybody may know the module: the checksum database or the public
// mirror does, or it is one of Go itself.
func (f *Facts) isPublic() bool {
	for _, sum := range f.Sums {
		if sum.Hash != "" {
			return true
		}
	}
	for i := range f.Proxies {
		p := &f.Proxies[i]
		if p.isPublic() && (len(p.List.Versions) > 0 || p.Latest.OK() || p.Query.OK()) {
			return true
		}
	}
	return strings.HasPrefix(f.Path, "golang.org/x/")
}

// compared are the versions whose content matters: the one that is meant, and the one that is
// selected.
func (f *Facts) compared() (list []string) {
	if f.Goal != "" {
		list = append(list, f.Goal)
	}
	if p := f.Project; p != nil && p.Selected != "" && p.Selected != f.Goal {
		list = append(list, p.Selected)
	}
	return list
}

// askOtherMajor asks the repository about the highest tag of another major version that may be
// meant.
func (g gathering) askOtherMajor(ctx context.Context) {
	n := g.otherMajor()
	if n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.s.o.CommandTime)
	defer cancel()
	if _, err := g.s.direct(ctx, "list", "-m", "-json", "-retracted", n.Path+"@"+n.Version); err != nil {
		g.Repository.OtherError = shortError(err)
	}
}

// compare downloads from the repository what may have another content than elsewhere: versions
// whose tag is at another commit than somebody saw, and the one that was asked for by its name, if
// a hash is known of it and no commit.
func (g gathering) compare(ctx context.Context) {
	for _, v := range g.compared() {
		tag := g.tagOf(v)
		if tag == nil || len(g.hashesOf(v)) == 0 {
			continue
		}
		commits := g.commitsOf(v)
		moved := len(commits) == 0 && v == g.Query
		for _, c := range commits {
			moved = moved || c != tag.Commit
		}
		if !moved {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, g.s.o.CommandTime)
		hash, err := g.s.hash(limited, module.Version{Path: g.Path, Version: v})
		cancel()
		if err == nil {
			if g.Repository.Hashes == nil {
				g.Repository.Hashes = map[string]string{}
			}
			g.Repository.Hashes[v] = hash
		}
	}
}

// tagOf returns the tag of a version; nil if there is none.
func (f *Facts) tagOf(version string) *Tag {
	name := tagName(f.Repository.Subdir, version)
	for i := range f.Repository.Tags {
		if f.Repository.Tags[i].Name == name {
			return &f.Repository.Tags[i]
		}
	}
	return nil
}

// commitsOf are the commits that others have seen a version at.
func (f *Facts) commitsOf(version string) map[string]string {
	list := map[string]string{}
	for _, c := range f.Cached {
		if c.Version == version && c.Commit != "" {
			list["module cache"] = c.Commit
		}
	}
	for _, p := range f.Proxies {
		for _, r := range []Reply{p.Latest, p.Query, p.Goal} {
			if r.Version == version && r.Commit != "" {
				list[p.Name] = r.Commit
			}
		}
	}
	return list
}

// hashesOf are the hashes that are known of a version, by who knows them.
func (f *Facts) hashesOf(version string) map[string]string {
	list := map[string]string{}
	if f.Project != nil && f.Project.Sums[version] != "" {
		list["go.sum"] = f.Project.Sums[version]
	}
	for _, c := range f.Cached {
		if c.Version == version && c.Hash != "" {
			list["module cache"] = c.Hash
		}
	}
	if sum := f.Sums[version]; sum.Hash != "" {
		list["checksum database"] = sum.Hash
	}
	return list
}

// ago is a time in the past for people.
func ago(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
