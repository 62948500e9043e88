package proxy

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/proxy/upstream"
)

// Resolve returns the version that a query means: a version itself, "latest", or a branch, a tag or
// a commit.
func (l *Library) Resolve(ctx context.Context, path, query string) (module.Version, error) {
	v := module.Version{Path: path, Version: query}
	if upstream.IsVersion(path, query) {
		return v, nil
	}
	if query == "latest" {
		list, err := l.List(ctx, path)
		if err != nil {
			return v, err
		}
		if versions := strings.Fields(string(list.Data)); len(versions) > 0 {
			slices.SortFunc(versions, semver.Compare)
			v.Version = latest(versions)
			return v, nil
		}
	}
	a, err := l.latestOrQuery(ctx, path, query)
	if err != nil {
		return v, err
	}
	info, err := upstream.ParseInfo(path, query, a.Data)
	v.Version = info.Version
	return v, err
}

func (l *Library) latestOrQuery(ctx context.Context, path, query string) (Answer, error) {
	if query == "latest" {
		return l.Latest(ctx, path)
	}
	return l.Info(ctx, path, query)
}
