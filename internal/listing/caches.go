package listing

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
)

// maxReads bounds how many entries of the cache service are read for one list, those that were
// written last: GitHub allows a repository 1,500 lookups a minute, which jobs need.
const maxReads = 100

// ManifestReader returns the manifest in an entry of the cache service, and store.ErrNotFound for
// one that this job cannot see.
type ManifestReader func(ctx context.Context, key string) ([]byte, error)

// Caches lists the snapshots among the caches of a repository on GitHub, which is called repo in
// snapshots. Of those that read returns it says what their manifests do; of others what their keys
// and the API tell. read may be nil.
func Caches(ctx context.Context, list []repocache.Cache, repo string, f Filter, read ManifestReader) (*Result, error) {
	if f.Repo != "" && f.Repo != repo {
		return &Result{Snapshots: []Snapshot{}}, nil
	}
	rows := newestVersions(list, repo, f)
	slices.SortFunc(rows, func(a, b Snapshot) int { return b.Written.Compare(a.Written) })
	markLatest(rows)
	more := max(0, len(rows)-MaxListed)
	rows = rows[:len(rows)-more]
	for i := range rows[:min(len(rows), maxReads)] {
		if read == nil {
			break
		}
		data, err := read(ctx, rows[i].Object)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil && store.IsFailure(err):
			return nil, err
		case err != nil:
			rows[i].Problem = report.OneLine(err.Error())
		default:
			rows[i].describe(data, func(o snapshot.Overview) bool {
				k, _ := actions.ParseSnapshotKey(rows[i].Object)
				return len(o.Key) > 0 && k.IsOf(o.Repo, o.Key[0])
			})
		}
	}
	return &Result{Snapshots: rows, More: more}, nil
}

// newestVersions makes a row of each snapshot.
func newestVersions(list []repocache.Cache, repo string, f Filter) (rows []Snapshot) {
	at, numbers := map[string]int{}, map[string]uint64{}
	for _, c := range list {
		k, ok := actions.ParseSnapshotKey(c.Key)
		if !ok || f.Scope != "" && c.Ref != f.Scope || f.Name != "" && !k.IsOf(repo, f.Name) {
			continue
		}
		_, object, _ := actions.ParseKey(c.Key)
		place := c.Ref + "\x00" + object
		row := Snapshot{
			ID: idOf(c.Ref, object), Object: c.Key, Repo: repo, Scope: c.Ref, Readable: readableEntry(k),
			Written: c.Created.UTC(), Read: c.Accessed.UTC(), Bytes: c.Size,
			isNamed: func(name string) bool { return k.IsOf(repo, name) },
			group:   c.Ref + "\x00" + k.Family + k.Extra,
		}
		i, seen := at[place]
		switch {
		case !seen:
			at[place] = len(rows)
			numbers[place] = k.N
			rows = append(rows, row)
		case k.N > numbers[place]:
			row.Older = rows[i].Older + 1
			numbers[place], rows[i] = k.N, row
		default:
			rows[i].Older++
		}
	}
	return rows
}

// readableEntry is the key of an entry for people.
func readableEntry(k actions.SnapshotKey) string {
	list := []string{k.Readable}
	if k.Extra != "" {
		list = append(list, k.Extra)
	}
	return strings.Join(append(list, k.Digest[:16]), "/")
}

// markLatest marks the newest of each family. rows are sorted, the newest first.
func markLatest(rows []Snapshot) {
	seen := map[string]bool{}
	for i := range rows {
		rows[i].Latest = !seen[rows[i].group]
		seen[rows[i].group] = true
	}
}
