package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/ghaction"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/usage"
)

// errNoGitHubToken: nothing of the caches of a repository can be removed without one.
var errNoGitHubToken = errors.New("GITHUB_TOKEN is not set")

// cleansCaches reports whether gc is to clean the caches of a repository on GitHub, for which it
// needs the REST API and not the cache service.
func (r *run) cleansCaches() bool {
	return r.usesActions() || r.cfg.Store == "" && ci.OnHostedRunner(r.env)
}

// cachesOutput is what gc prints of the caches of a repository with --json.
type cachesOutput struct {
	Store string `json:"store"`
	Scope string `json:"scope,omitempty"`
	*repocache.Result
	outcome
}

// cachesJob is gcJob for the caches of a repository.
func cachesJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := cleanCaches(ctx, r)
	if out.Result != nil {
		r.out.warnings(out.Warnings)
	}
	return r.conclude(ctx, out, err)
}

func cleanCaches(ctx context.Context, r *run) (*cachesOutput, error) {
	out := &cachesOutput{Scope: r.cfg.Scope}
	api, err := cachesAPI(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store = api.String()
	o := repocache.Options{
		API: api, Scope: r.cfg.Scope, DryRun: r.cfg.DryRun,
		Rules:     repocache.Rules{Now: time.Now(), Grace: r.cfg.Grace, MaxAge: cachesMaxAge(r.cfg.MaxAge)},
		BundlesOf: bundlesOf(r, api.Repo),
	}
	meter := new(report.Meter)
	o.Progress = func() { meter.Files.Add(1) }
	show := r.progress(meter, gcWords)
	defer show.Stop()
	out.Result, err = repocache.Run(ctx, o)
	return out, err
}

// longestUnwritten is how long a snapshot stays in the caches of a repository that no save has
// written. GitHub would remove one that nobody reads for seven days, but a collection reads it.
const longestUnwritten = 14 * 24 * time.Hour

// cachesMaxAge is --max-age for the caches of a repository.
func cachesMaxAge(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return min(d, longestUnwritten)
}

// cachesAPI is the API for the repository of the job, or of --repo.
func cachesAPI(ctx context.Context, r *run) (*repocache.API, error) {
	found := ci.FindGitHubAPI(r.env)
	if token := r.env(ghaction.InputVariable("token")); token != "" { // of a step
		found.Token = token
	}
	if r.cfg.Repo != "" {
		host, repo, ok := strings.Cut(r.cfg.Repo, "/")
		if strings.Count(repo, "/") != 1 || !ok || !strings.EqualFold(host, found.Host) {
			return nil, usage.Errorf("invalid value %q for --repo: want a repository on GitHub, such as %s/org/name", r.cfg.Repo, found.Host)
		}
		found.Repo = repo
	}
	if r.cfg.Scope != "" && !strings.HasPrefix(r.cfg.Scope, "refs/") {
		return nil, usage.Errorf("invalid value %q for --scope: want a ref, such as refs/pull/7/merge or refs/heads/main", r.cfg.Scope)
	}
	if found.Repo == "" {
		found.Repo = cloneOf(ctx, found.Host)
	}
	switch {
	case found.Repo == "":
		return nil, usage.Errorf("it is not known of which repository the caches are to be cleaned: give --repo, such as github.com/org/name")
	case found.Token == "":
		return nil, fmt.Errorf("the caches of %s: %w", found.Repo, errNoGitHubToken)
	}
	a := repocache.API{URL: found.URL, Repo: found.Repo, Token: found.Token}
	return repocache.New(a), nil
}

// cloneOf is the repository on a host, such as org/name, of which the working directory has a
// clone; "" if there is none.
func cloneOf(ctx context.Context, host string) string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	of, repo, _ := strings.Cut(ci.ReadGit(ctx, dir).Source().Repo, "/")
	if !strings.EqualFold(of, host) || strings.Count(repo, "/") != 1 {
		return ""
	}
	return repo
}

// bundlesOf asks the cache service what snapshots name, if this job has that of the repository.
func bundlesOf(r *run, repo string) func(context.Context, string) ([]string, error) {
	service, err := ci.FindCacheService(r.env)
	if err != nil || r.cfg.Scope != "" || !strings.EqualFold(repo, ci.FindGitHubAPI(r.env).Repo) {
		return nil
	}
	st, err := openService(r, service)
	if err != nil {
		return nil
	}
	return st.(*actions.Store).BundlesOf
}

// write prints the result for people.
func (o cachesOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.Error != "" && len(r.Kinds) == 0 {
		return nil // the error says it all
	}
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	for _, x := range r.Removals[:min(len(r.Removals), listedRemovals)] {
		fmt.Fprintf(w, "%s %s of %s, %s: %s\n", verb, x.Key, x.Ref, quantity.Bytes(x.Bytes), x.Reason)
	}
	if more := len(r.Removals) - listedRemovals; more > 0 {
		fmt.Fprintf(w, "and %s more, see --json\n", quantity.Count(more))
	}
	if len(r.Removals) > 0 {
		fmt.Fprintln(w)
	}
	s := report.Summary{
		Result: fmt.Sprintf("%s: %s %s, %s", cmp.Or(o.Store, "caches"), verb, quantity.Counted(r.Total.Entries, "entry"), quantity.Bytes(r.Total.Bytes)),
		Counts: report.Table{Head: []string{"", "kept", verb, "freed"}},
	}
	for _, k := range []actions.EntryKind{actions.SnapshotEntry, actions.ModuleBundle, actions.OtherBundle, actions.ObjectEntry} {
		if c, ok := r.Kinds[k]; ok {
			s.Counts.Rows = append(s.Counts.Rows, []string{entryTitles[k], quantity.Count(c.Kept.Entries), quantity.Count(c.Removed.Entries), quantity.Bytes(c.Removed.Bytes)})
		}
	}
	if len(r.Unseen) > 0 {
		s.Facts = append(s.Facts, [2]string{"not seen", fmt.Sprintf("what the snapshots of %s refs need, such as %s: their bundles stay", quantity.Count(len(r.Unseen)), r.Unseen[0])})
	}
	return s.Write(w)
}
