package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/listing"
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/usage"
)

// errNothingNamed: a name that matches nothing is more likely wrong than the store empty.
var errNothingNamed = errors.New("no snapshot")

// lookedAt is a store that ls, show and rm look into: one of objects, or the caches of a repository
// on GitHub.
type lookedAt struct {
	name    string
	objects store.Collector // nil: caches
	caches  *repocache.API
	service *actions.Store // of the caches; nil: this job has none
	filter  listing.Filter
}

// openLook opens the store that is meant, and says of which repository.
func openLook(ctx context.Context, r *run) (*lookedAt, error) {
	if r.cleansCaches() {
		return openCachesLook(ctx, r)
	}
	st, err := openStore(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := isThere(st); err != nil {
		return nil, err
	}
	c, ok := st.(store.Collector)
	if !ok {
		return nil, usage.Errorf("%s cannot be listed: name the bucket or the directory that is behind it", st)
	}
	l := &lookedAt{name: st.String(), objects: c, filter: listing.Filter{Scope: r.cfg.Scope, Name: r.cfg.Look.Name}}
	if !r.cfg.Look.AllRepos {
		l.filter.Repo, err = repoOf(ctx, r)
	}
	return l, err
}

// openCachesLook is openLook for the caches of a repository.
func openCachesLook(ctx context.Context, r *run) (*lookedAt, error) {
	if r.cfg.Look.AllRepos {
		return nil, usage.Errorf("--all-repos: each repository on GitHub has a cache of its own, name one with --repo")
	}
	api, err := cachesAPI(ctx, r)
	if err != nil {
		return nil, err
	}
	host := ci.FindGitHubAPI(r.env).Host
	l := &lookedAt{name: api.String(), caches: api, filter: listing.Filter{Repo: host + "/" + api.Repo, Scope: r.cfg.Scope, Name: r.cfg.Look.Name}}
	if service, err := ci.FindCacheService(r.env); err == nil && strings.EqualFold(api.Repo, ci.FindGitHubAPI(r.env).Repo) {
		st, err := openService(r, service)
		if err != nil {
			return nil, err
		}
		l.service = st.(*actions.Store)
	}
	return l, nil
}

// repoOf is the repository of --repo, of the job or of git; "" if none of them is known.
func repoOf(ctx context.Context, r *run) (string, error) {
	if r.cfg.Repo != "" {
		return r.cfg.Repo, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return cmp.Or(ci.System(r.env, dir, "").Repo, ci.ReadGit(ctx, dir).Source().Repo), nil
}

var lookWords = report.Words{Transfer: "read", TransferDone: "read", Disk: "look", DiskDone: "looked at", Things: "objects"}

// list lists what fits a filter.
func (l *lookedAt) list(ctx context.Context, r *run, f listing.Filter) (*listing.Result, error) {
	meter := new(report.Meter)
	show := r.progress(meter, lookWords)
	defer show.Stop()
	if l.objects != nil {
		return listing.Objects(ctx, l.objects, f, listing.Options{Concurrency: r.cfg.Concurrency, Meter: meter})
	}
	caches, err := l.caches.List(ctx, f.Scope)
	if err != nil {
		return nil, err
	}
	var read listing.ManifestReader
	if l.service != nil {
		read = l.service.ManifestOf
	}
	return listing.Caches(ctx, caches, l.filter.Repo, f, read)
}

// nothingNamed is the error for a filter that nothing fits, with the names that are close to it.
func (l *lookedAt) nothingNamed(ctx context.Context, r *run) error {
	all, err := l.list(ctx, r, listing.Filter{})
	if err != nil {
		return err
	}
	var texts []string
	for _, part := range []struct {
		flag, want string
		of         func(listing.Snapshot) string
	}{
		{"--repo", l.filter.Repo, func(s listing.Snapshot) string { return s.Repo }},
		{"--scope", l.filter.Scope, func(s listing.Snapshot) string { return s.Scope }},
		{"--name", l.filter.Name, nameOfSnapshot},
	} {
		if part.want == "" {
			continue
		}
		names := map[string]bool{}
		for _, s := range all.Snapshots {
			names[part.of(s)] = true
		}
		if !names[part.want] {
			texts = append(texts, fmt.Sprintf("%s %s%s", part.flag, part.want, didYouMean(closeTo(part.want, sortedKeys(names)))))
		}
	}
	if texts == nil { // each by itself is there, but not together
		texts = []string{strings.TrimSpace(strings.Join([]string{l.filter.Repo, l.filter.Scope, l.filter.Name}, " "))}
	}
	return fmt.Errorf("%s: %w of %s", l.name, errNothingNamed, strings.Join(texts, "; "))
}

// nameOfSnapshot is the first element of the key, or what is known of it.
func nameOfSnapshot(s listing.Snapshot) string {
	if len(s.Key) > 0 {
		return s.Key[0]
	}
	name, _, _ := strings.Cut(s.Readable, "/")
	return name
}

// Names that are proposed.
const (
	maxClose      = 5
	minSimilarity = 0.5
)

// closeTo returns the names that are like one that is not there, the most similar first.
func closeTo(want string, names []string) []string {
	alike := map[string]float64{}
	for _, name := range names {
		s := levenshtein.Similarity(strings.ToLower(want), strings.ToLower(name), nil)
		if a, b := strings.ToLower(want), strings.ToLower(name); strings.Contains(a, b) || strings.Contains(b, a) {
			s = max(s, minSimilarity)
		}
		if s >= minSimilarity && name != "" {
			alike[name] = s
		}
	}
	list := sortedKeys(alike)
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(alike[b], alike[a]) })
	return list[:min(len(list), maxClose)]
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (there is " + strings.Join(names, ", ") + ")"
}
