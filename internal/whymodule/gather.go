package whymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/redact"
)

// How long each may take.
const (
	proxyTime   = 20 * time.Second
	commandTime = time.Minute
)

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
	var askers []*asker
	f.Proxies, askers = newAskers(f.Route, t.Path, &o)
	mod, err := f.askAll(ctx, s, askers)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if mod == nil {
		limited, cancel := context.WithTimeout(ctx, o.ProxyTime)
		mod = f.newestMod(limited, askers, o.ModDir)
		cancel()
	}
	f.Newest = readMod(mod)
	f.Goal = goalOf(f)
	f.askAboutGoal(ctx, s, askers)
	return f, ctx.Err()
}

// askAll asks the project, the cache, the proxies and the repository. It returns the go.mod of the
// newest version in the repository.
func (f *Facts) askAll(ctx context.Context, s *scratch, askers []*asker) (mod []byte, err error) {
	var asked sync.WaitGroup
	within := func(d time.Duration, do func(context.Context)) {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			do(ctx)
		})
	}
	within(s.o.CommandTime, func(ctx context.Context) { f.Project, err = s.readProject(ctx, f.Path) })
	asked.Go(func() { f.Cached = readCache(s.o.ModDir, f.Path) })
	for i, a := range askers {
		if a != nil {
			within(s.o.ProxyTime, func(ctx context.Context) { a.askProxy(ctx, &f.Proxies[i], f.Query) })
		}
	}
	if why := f.whyNotRepository(s.o.NoVCS); why != "" {
		f.Repository.NotAsked = why
	} else {
		within(s.o.CommandTime, func(ctx context.Context) { f.Repository, mod = s.askRepository(ctx, f.Target) })
	}
	asked.Wait()
	return mod, err
}

// whyNotRepository says why the repository is not asked.
func (f *Facts) whyNotRepository(noVCS bool) string {
	switch {
	case noVCS:
		return "--no-vcs"
	case f.Route.NoGit != "":
		return f.Route.NoGit
	}
	return ""
}

// askAboutGoal asks what depends on which version is meant.
func (f *Facts) askAboutGoal(ctx context.Context, s *scratch, askers []*asker) {
	proxies, cancel := context.WithTimeout(ctx, s.o.ProxyTime)
	defer cancel()
	var asked sync.WaitGroup
	for i, a := range askers {
		p := &f.Proxies[i]
		if a != nil && f.Goal != "" && p.List.OK() && !p.has(f.Goal) && f.Goal != f.Query {
			asked.Go(func() { p.Goal = a.version(proxies, f.Goal) })
		}
	}
	var sums map[string]Sum
	asked.Go(func() { sums = f.lookUp(proxies, s.o) })
	asked.Wait()
	f.Sums = sums
	f.compare(ctx, s)
	f.askOtherMajor(ctx, s)
}

// newestMod is the go.mod of the newest version that the go command sees: from the module cache, or
// from the proxy that has the list.
func (f *Facts) newestMod(ctx context.Context, askers []*asker, modDir string) []byte {
	i, _ := f.believed()
	if i < 0 || askers[i] == nil || len(f.Proxies[i].List.Versions) == 0 {
		return nil
	}
	versions := f.Proxies[i].List.Versions
	v := module.Version{Path: f.Path, Version: highest(versions)}
	if path, err := module.EscapePath(v.Path); err == nil {
		if version, err := module.EscapeVersion(v.Version); err == nil {
			name := filepath.Join(modDir, "cache", "download", filepath.FromSlash(path), "@v", version+".mod")
			if data, err := os.ReadFile(name); err == nil {
				return data
			}
		}
	}
	return askers[i].mod(ctx, v.Version)
}

// lookUp asks the checksum database about the version that is meant, and the one that is selected.
func (f *Facts) lookUp(ctx context.Context, o *Options) map[string]Sum {
	if o.DB == nil || f.Route.NoSum != "" {
		return nil
	}
	session := o.DB.Session(ctx, filepath.Join(o.ModDir, "cache", "download", "sumdb"), nil)
	list := map[string]Sum{}
	for _, v := range f.compared() {
		hash, err := session.Lookup(module.Version{Path: f.Path, Version: v})
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
	return list
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
func (f *Facts) askOtherMajor(ctx context.Context, s *scratch) {
	n := f.otherMajor()
	if n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.CommandTime)
	defer cancel()
	if _, err := s.direct(ctx, "list", "-m", "-json", "-retracted", n.Path+"@"+n.Version); err != nil {
		f.Repository.OtherError = shortError(err)
	}
}

// compare downloads from the repository what may have another content than elsewhere: versions
// whose tag is at another commit than somebody saw, and the one that was asked for by its name, if
// a hash is known of it and no commit.
func (f *Facts) compare(ctx context.Context, s *scratch) {
	for _, v := range f.compared() {
		tag := f.tagOf(v)
		if tag == nil || len(f.hashesOf(v)) == 0 {
			continue
		}
		commits := f.commitsOf(v)
		moved := len(commits) == 0 && v == f.Query
		for _, c := range commits {
			moved = moved || c != tag.Commit
		}
		if !moved {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, s.o.CommandTime)
		hash, err := s.hash(limited, module.Version{Path: f.Path, Version: v})
		cancel()
		if err == nil {
			if f.Repository.Hashes == nil {
				f.Repository.Hashes = map[string]string{}
			}
			f.Repository.Hashes[v] = hash
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
